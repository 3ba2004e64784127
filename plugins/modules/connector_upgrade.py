#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action connector_upgrade, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: connector_upgrade
short_description: Upgrade Active Directory Connector from a service pack, exactly once
version_added: 0.1.0
description:
  - Runs the setup in the folder C(ADC\I386) of a service pack of Exchange on the host, by a job with the site's own
    command line, or by telling a person what to do and waiting for the evidence, which is the version of C(adc.exe).
  - A silent form of that setup was not found, so that a person runs it unless the site gives a command line.
  - Where the connector runs with customised map files, customised new ones have to be given; they are put into the
    setup's folder first. Without them the module refuses.
  - A run that was cut off finds the setup that it has begun, and goes on with it.
options:
  updates:
    description:
      - Keys of the updates of the run. The last service pack among them that brings a connector like the installed one
        is taken.
      - Needed with O(state=upgraded).
    type: list
    elements: str
    default: []
  state:
    description:
      - V(staged) copies the customised map files to the host, or fails, before anything is stopped.
      - V(upgraded) has the connector upgraded.
      - V(cleared) removes what the upgrade has left on the host. To be done after the schema maps were compared.
    type: str
    choices:
      - staged
      - upgraded
      - cleared
    default: upgraded
  method:
    description:
      - V(command) runs O(command) as O(account), V(operator) asks a person, V(auto) takes the command where there is
        one.
    type: str
    choices:
      - auto
      - operator
      - command
    default: auto
  command:
    description:
      - A command line of the site's own that runs the setup without questions. C({folder}) stands for its folder.
    type: str
  shipped_maps:
    description:
      - Hashes (SHA-256, SHA-1 or MD5) of C(local.map) and C(remote.map) as they came with the product and its service
        packs. They are not known to the collection; take them from the site's own media.
      - A map file whose hash is not among them counts as customised.
    type: list
    elements: str
    default: []
  maps_stated:
    description:
      - Somebody has signed that the maps of the new setup may be taken as they are, so that map files which are, or may
        be, customised do not keep it from being run.
    type: bool
    default: false
  maps:
    description:
      - Customised new map files, as paths on the host, or on a share that O(share_user) may read.
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
  source:
    description:
      - Folder of the setup on the host. By default C(ADC\I386) below the unpacked service pack.
    type: str
  verify:
    description:
      - How the package is proved before it is unpacked, see M(mailops.exchange.update_package).
    type: str
    choices:
      - hash
      - size
  share_user:
    description:
      - Account that may read the share with O(maps).
    type: str
  share_password:
    description:
      - Password of O(share_user).
    type: str
  account:
    description:
      - Account with which the setup runs, an Exchange Full Administrator and local administrator.
    type: str
  password:
    description:
      - Password of O(account).
    type: str
  timeout:
    description:
      - Seconds to wait for the setup, or for the person.
    type: int
    default: 3600
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.connector_info
  - module: mailops.exchange.connector_maps
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Have the connector upgraded by a person
  mailops.exchange.connector_upgrade:
    updates:
      - exchange2003-sp2
    method: operator

- name: Have it upgraded by a command of the site's own, with customised maps
  mailops.exchange.connector_upgrade:
    updates:
      - exchange2003-sp2
    command: '"{folder}\setup.exe" /our-answers'
    maps:
      local: C:\maps\local.map
      remote: C:\maps\remote.map
    account: CONTOSO\exsetup
    password: "{{ vault_setup_password }}"
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: Active Directory Connector is 6.5.7638.0.
before:
  description: Whether the upgrade was due.
  returned: success
  type: dict
  sample:
    due: true
after:
  description: Whether it still is; in check mode as it would be.
  returned: success
  type: dict
  sample:
    due: false
connector:
  description: The connector after the task, see M(mailops.exchange.connector_info).
  returned: with O(state=upgraded)
  type: dict
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
method:
  description: The way that was taken.
  returned: with O(state=upgraded)
  type: str
  sample: operator
restart_required:
  description: Whether the setup asked for a restart. It is not made, but listed as due.
  returned: with O(state=upgraded)
  type: bool
  sample: false
problems:
  description: What went wrong, each with what to do.
  returned: with O(state=upgraded)
  type: list
  elements: dict
  sample: []
due:
  description: What a person owes, for the change record.
  returned: when the setup asked for a restart
  type: list
  elements: str
  sample:
    - "mbx1: a restart, which the setup of Active Directory Connector asked for; make it when it suits."
exit_code:
  description: Exit code of the setup, or of a command that failed.
  returned: with O(state=upgraded), and on failure of a command
  type: int
  sample: 0
output:
  description: What the command that failed wrote.
  returned: on failure of a command
  type: str
  sample: Access is denied.
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
progress:
  description: What the task had said until it failed.
  returned: on failure after a change had begun
  type: list
  elements: str
  sample:
    - "waiting for service SNMP to stop: 30 s of at most 5 min"
step:
  description: What the change record keeps of O(step).
  returned: when O(step) was given
  type: dict
  sample:
    index: 4
    host: mbx1
    cluster: null
    step: upgrade_connector
    object: mbx1
    phase: update
    unpredictable: false
    reason: The service pack does not touch the connector.
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
