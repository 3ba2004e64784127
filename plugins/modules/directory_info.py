#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action directory_info, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: directory_info
short_description: Read the Exchange servers from Active Directory
version_added: 0.1.0
description:
  - Reads every Exchange server and virtual server of the forest with its version and whether it is a front-end,
    by LDAP from the control node.
  - The version that the directory shows is the proof that a virtual server has been upgraded.
  - The connection is TLS, with V(ldaps) or by StartTLS; without it nothing is sent. The module only reads.
  - It needs the Python library ldap3 on the control node.
requirements:
  - ldap3 on the control node
options:
  uri:
    description:
      - Address of a domain controller, V(ldaps://dc1.contoso.example), or V(ldap://dc1.contoso.example) for StartTLS.
    type: str
    required: true
  user:
    description:
      - Who reads, C(name@domain) or C(DOMAIN\name).
    type: str
    required: true
  password:
    description:
      - Password of O(user).
    type: str
    required: true
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
      - Lowest version of TLS. Windows Server 2003 speaks nothing newer than V(1.0).
    type: str
    choices:
      - "1.0"
      - "1.1"
      - "1.2"
      - "1.3"
    default: "1.2"
  account:
    description:
      - Another account, C(name@domain) or C(DOMAIN\name), of which is told whether the domain lets it in; for example
        the one that setup is to run under. It is one logon with O(account_password), and says nothing about rights.
    type: str
  account_password:
    description:
      - Password of O(account). Without it no logon is tried.
    type: str
  expect:
    description:
      - Name of a server, or network name of a virtual server, with the number of the service pack that the directory is
        to show for it. The directory is read again until it does, because replication takes its time.
    type: dict
    default: {}
  expect_timeout:
    description:
      - Seconds after which the task fails when the directory still does not show what is expected.
    type: int
    default: 900
  timeout:
    description:
      - Seconds for each operation.
    type: int
    default: 30
extends_documentation_fragment:
  - mailops.exchange.attributes.CONTROL
seealso:
  - module: mailops.exchange.exchange_info
  - module: mailops.exchange.rolling_plan
  - module: mailops.exchange.virtual_server
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Read the versions of all servers and virtual servers
  mailops.exchange.directory_info:
    uri: ldaps://dc1.contoso.example
    user: reader@contoso.example
    password: "{{ vault_reader_password }}"
    ca_file: /etc/ssl/contoso.pem
  run_once: true
  register: found
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The directory holds 4 servers.
directory:
  description: What the directory says.
  returned: success
  type: dict
  contains:
    account:
      description: Whether the domain lets O(account) in.
      type: dict
      returned: when O(account) and O(account_password) are given
      contains:
        name:
          description: The account.
          type: str
          returned: always
        accepted:
          description: Whether it may log on with this password; null where that cannot be told.
          type: bool
          returned: always
        problem:
          description: Why it may not, or why that cannot be told; or null.
          type: str
          returned: always
    servers:
      description: Name of each server in capitals; a virtual server stands there by its network name.
      type: dict
      returned: always
      contains:
        name:
          description: The name as it is written in the directory.
          type: str
          returned: always
        serial_number:
          description: The version as text.
          type: str
          returned: always
        product:
          description: V(5.5), V(2000), V(2003) or a later one; null where the text has an unknown form.
          type: str
          returned: always
        service_pack:
          description: Service pack, 0 for none; null where the text has an unknown form.
          type: int
          returned: always
        build:
          description: Build; null where the text has an unknown form.
          type: int
          returned: always
        front_end:
          description: Whether the server is a front-end.
          type: bool
          returned: always
        organization:
          description: Name of the Exchange organisation; null where the entry stands elsewhere.
          type: str
          returned: always
        administrative_group:
          description: Name of the administrative group; null where the entry stands elsewhere.
          type: str
          returned: always
        fqdn:
          description: DNS name in small letters; null where the entry has none.
          type: str
          returned: always
        databases:
          description: Its databases with C(name) and C(file); null where the directory does not hold them (5.5).
          type: list
          elements: dict
          returned: always
  sample:
    servers:
      EVS1:
        name: EVS1
        serial_number: "Version 6.5 (Build 7226.6: Service Pack 1)"
        product: "2003"
        service_pack: 1
        build: 7226
        front_end: false
        organization: contoso
        administrative_group: First Administrative Group
        fqdn: evs1.contoso.example
        databases:
          - name: Mailbox Store (EVS1)
            file: 'M:\exchsrvr\mdbdata\priv1.edb'
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
