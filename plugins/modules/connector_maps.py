#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action connector_maps, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: connector_maps
short_description: Export the schema maps of Active Directory Connector, and compare them afterwards
version_added: 0.1.0
description:
  - Reads the attributes C(msExchServer1SchemaMap) and C(msExchServer2SchemaMap) of the default policy of Active
    Directory Connector by LDAP from the control node, and writes them to C(connector-maps-HOST.json), with a C(.ldif)
    file beside it with which C(ldapmodify) puts them back.
  - Or compares them with that export, and lists differences with the way back as due in the change record. Whether the
    setup of the connector replaces them is told in both ways, so that nobody should rely on either.
  - An export of an earlier upgrade is kept under the time at which it was written.
requirements:
  - ldap3 on the control node
options:
  state:
    description:
      - V(exported) has the maps in files, V(compared) compares.
    type: str
    required: true
    choices:
      - exported
      - compared
  host:
    description:
      - The host that the connector runs on, for the files' names.
    type: str
    required: true
  folder:
    description:
      - Where the files are, on the control node. By default beside the change record.
    type: path
  begun:
    description:
      - Whether the setup of the connector has been begun already. An export that is there is then kept, because the
        maps may have been changed since.
    type: bool
    default: false
  directory:
    description:
      - The directory.
    type: dict
    required: true
    suboptions:
      uri:
        description:
          - Address of a domain controller, see M(mailops.exchange.directory_info).
        type: str
      user:
        description:
          - Who reads.
        type: str
      password:
        description:
          - Password of the user.
        type: str
      ca_file:
        description:
          - Certificates to trust instead of those of the control node.
        type: path
      validate_certs:
        description:
          - Whether the certificate of the domain controller is checked.
        type: bool
        default: true
      tls_minimum:
        description:
          - Lowest version of TLS.
        type: str
        choices:
          - "1.0"
          - "1.1"
          - "1.2"
          - "1.3"
        default: "1.2"
      timeout:
        description:
          - Seconds for each operation.
        type: int
        default: 30
extends_documentation_fragment:
  - mailops.exchange.attributes.CONTROL
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.connector_upgrade
  - module: mailops.exchange.directory_info
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Export the schema maps
  mailops.exchange.connector_maps:
    state: exported
    host: mbx1
    folder: ./mailops-exchange-record
    directory:
      uri: ldaps://dc1.contoso.example
      user: reader@contoso.example
      password: "{{ vault_reader_password }}"
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The schema maps are as they were before the upgrade.
files:
  description: The export, and the file that puts it back.
  returned: success
  type: list
  elements: str
  sample:
    - /srv/record/connector-maps-mbx1.json
    - /srv/record/connector-maps-mbx1.ldif
attributes:
  description: Bytes of each attribute.
  returned: with O(state=exported)
  type: dict
  sample:
    msExchServer1SchemaMap: 40112
    msExchServer2SchemaMap: 39874
differences:
  description: What differs, by attribute, with the first lines that are missing and that are new.
  returned: with O(state=compared)
  type: list
  elements: dict
  contains:
    attribute:
      description: Its name.
      type: str
      returned: always
    removed:
      description: Lines that are not there any more.
      type: list
      elements: str
      returned: always
    added:
      description: Lines that are new.
      type: list
      elements: str
      returned: always
  sample: []
due:
  description: What a person owes, for the change record.
  returned: where something differs, or was exported too late
  type: list
  elements: str
  sample:
    - "mbx1: the schema maps of Active Directory Connector differ from those before its upgrade."
before:
  description: Whether the maps were exported, or compared.
  returned: success
  type: dict
  sample:
    exported: false
after:
  description: The same after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    exported: true
remedy:
  description: What to do about a failure.
  returned: on failure, where there is something to say
  type: str
  sample: Look at the host, then start the run again.
details:
  description: What else is known about a failure.
  returned: on failure
  type: dict
  sample:
    waited: 900
step:
  description: What the change record keeps of O(step).
  returned: when O(step) was given
  type: dict
  sample:
    index: 4
    host: mbx1
    cluster: null
    step: export_schema_maps
    object: mbx1
    phase: prepare
    unpredictable: false
    reason: They can be put back by it.
started:
  description: When the task began, ISO 8601 in UTC.
  returned: always
  type: str
  sample: "2026-11-22T21:04:11.250+00:00"
ended:
  description: When the task ended, ISO 8601 in UTC.
  returned: always
  type: str
  sample: "2026-11-22T21:06:40.812+00:00"
"""
