#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action connector_info, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: connector_info
short_description: Look whether Active Directory Connector runs on a host, and with whose map files
version_added: 0.1.0
description:
  - Finds Active Directory Connector by its service, reads the version of its program, and compares its map files with
    those that were shipped.
  - A service pack of Exchange does not upgrade the connector, also not on the same server.
options:
  updates:
    description:
      - Keys of the updates of the run. The last service pack among them that brings a connector says what it should be.
    type: list
    elements: str
    default: []
  shipped_maps:
    description:
      - Hashes (SHA-256, SHA-1 or MD5) of C(local.map) and C(remote.map) as they came with the product and its service
        packs. They are not known to the collection; take them from the site's own media.
      - A map file whose hash is not among them counts as customised.
    type: list
    elements: str
    default: []
  maps:
    description:
      - Customised new map files, as paths on the host or on a share. Whether they are given is all that counts here.
    type: dict
    suboptions:
      local:
        description:
          - The new C(local.map).
        type: str
      remote:
        description:
          - The new C(remote.map).
        type: str
  leave:
    description:
      - Whether the connector is left as it is. It is then listed as due in the change record.
    type: bool
    default: false
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.READS
  - mailops.exchange.reach
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.connector_maps
  - module: mailops.exchange.connector_upgrade
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Look at the connector
  mailops.exchange.connector_info:
    updates:
      - exchange2003-sp2
  register: found
"""

RETURN = r"""
---
msg:
  description: What was found, in a sentence.
  returned: always
  type: str
  sample: Active Directory Connector is not installed.
connector:
  description:
    - The connector; null where there is none. Its C(update) is the key of the service pack of the run that brings a
      connector of this kind; null where none does.
  returned: success
  type: dict
  contains:
    installed:
      description: Always true.
      type: bool
      returned: always
    version:
      description: Version of C(adc.exe); null where it cannot be read.
      type: str
      returned: always
    program:
      description: Path of C(adc.exe).
      type: str
      returned: always
    folder:
      description: Its folder, in which the map files are looked for.
      type: str
      returned: always
    state:
      description: State of its service.
      type: str
      returned: always
    maps:
      description: For C(local) and C(remote) V(shipped), V(custom) or V(unknown).
      type: dict
      returned: always
    custom_maps:
      description: Whether a map file is customised; null where that cannot be known.
      type: bool
      returned: always
    maps_given:
      description: Whether a new file is given for each that is not as shipped.
      type: bool
      returned: always
    due:
      description: Whether its setup is still to be run, or was begun and not concluded.
      type: bool
      returned: always
    begun:
      description: Whether a run has begun with it, and has not compared the schema maps since.
      type: bool
      returned: always
  sample:
    installed: true
    version: 6.5.7226.0
    program: C:\Program Files\MSADC\adc.exe
    folder: C:\Program Files\MSADC
    state: running
    maps:
      local: custom
      remote: shipped
    custom_maps: true
    maps_given: false
    update: exchange2003-sp2
    due: true
    begun: false
due:
  description: What a person owes, for the change record.
  returned: where the connector is left as it is and should not
  type: list
  elements: str
  sample:
    - "mbx1: Active Directory Connector 6.5.7226.0 was left as it is."
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
exit_code:
  description: Exit code of the command that failed.
  returned: on failure of a command
  type: int
  sample: 1051
output:
  description: What that command wrote.
  returned: on failure of a command
  type: str
  sample: "[SC] ControlService FAILED 1051:"
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
