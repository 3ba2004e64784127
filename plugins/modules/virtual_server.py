#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action virtual_server, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: virtual_server
short_description: Have an Exchange virtual server upgraded to the level of its node, or serving again
version_added: 0.1.0
description:
  - After a service pack on the nodes of a cluster each virtual server is upgraded too, by a menu entry of
    Cluster Administrator that has no documented command line. A person does it while the module waits, or a
    command line of the site.
  - The proof is the version that the directory shows; without O(directory) nothing is upgraded. It is empty for an
    update that upgrades no virtual servers.
  - Everything that Microsoft's article 328839 asks for is checked before; the virtual server stands on this
    host, the host is updated, the resources of the group are offline except IP Address, Network Name and
    Physical Disk, and a Distributed Transaction Coordinator is online. What does not hold is named, each with its
    remedy.
  - A failure that the article knows (error c1037b44, event 1025 of a node that was evicted and added again) is
    recognised and explained.
  - Exchange 2000 has no such entry; its virtual servers upgrade themselves as they come online on an updated node.
    O(state=verified) sees that they did.
  - With O(state=serving) it brings a virtual server that a failed turn left offline back online, on a node that
    can carry its version.
options:
  group:
    description:
      - Group of the virtual server.
    type: str
    required: true
  state:
    description:
      - V(upgraded) has the virtual server at the level that the update brings.
      - V(serving) brings it online; where it is online nothing is done. Where its version does not fit the node of
        the task, it is moved to O(fallback_node) before, or to this node when both are updated.
      - V(verified) changes nothing. It sees that the virtual server is online and, where the update upgrades virtual
        servers, that O(directory) shows its level, which is waited for.
      - The group of Exchange 5.5 comes online where it stands after a service pack; after a hotfix it goes back to
        O(fallback_node) before, offline as it is.
    type: str
    choices:
      - upgraded
      - serving
      - verified
    default: upgraded
  method:
    description:
      - V(operator) shows a person what to do and waits for the evidence.
      - V(command) runs O(command) as O(account).
    type: str
    choices:
      - operator
      - command
    default: operator
  command:
    description:
      - The site's command line that upgrades a virtual server, for O(method=command).
      - C({group}), C({network_name}) and C({node}) are filled in; a brace itself is written twice.
    type: str
  account:
    description:
      - Account with which the job on the host logs on, C(DOMAIN\name), a local administrator and Exchange Full
        Administrator. A network logon such as that of the session cannot reach Active Directory.
    type: str
  password:
    description:
      - Password of O(account). C(schtasks) knows no other way than its command line, which administrators of the
        host can see while it runs.
    type: str
  fallback_node:
    description:
      - Node that carried the virtual server before, for O(state=serving).
    type: str
  owner:
    description:
      - Node that has to own the virtual server, for O(state=verified).
    type: str
  timeout:
    description:
      - Seconds to wait for the person or the command, or for the group.
    type: int
    default: 3600
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.update
  - mailops.exchange.step
  - mailops.exchange.directory
seealso:
  - module: mailops.exchange.cluster_group
  - module: mailops.exchange.cluster_resource
  - module: mailops.exchange.directory_info
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Have a person upgrade the virtual server
  mailops.exchange.virtual_server:
    group: EVS1
    update: exchange2003-sp2
    directory:
      uri: ldaps://dc1.contoso.example
      user: reader@contoso.example
      password: "{{ vault_reader_password }}"
    timeout: 7200

- name: Upgrade it with a tool of the site
  mailops.exchange.virtual_server:
    group: EVS1
    update: exchange2003-sp2
    directory: "{{ directory }}"
    method: command
    command: 'C:\Site\UpgradeVirtualServer.exe "{network_name}"'
    account: 'CONTOSO\exsetup'
    password: "{{ vault_exsetup_password }}"

- name: Bring it back after a failed turn
  mailops.exchange.virtual_server:
    group: EVS1
    state: serving
    update: exchange2003-sp2
    directory: "{{ directory }}"
    fallback_node: N1

- name: See that a virtual server of Exchange 2000 has upgraded itself
  mailops.exchange.virtual_server:
    group: EVS1
    state: verified
    owner: N2
    update: exchange2000-sp3
    directory: "{{ directory }}"
    timeout: 900
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: 'The directory shows EVS1 with Version 6.5 (Build 7638.2: Service Pack 2).'
before:
  description:
    - The version of the virtual server (or, with O(state=serving) and O(state=verified), owner and state of its
      group) as it was found.
  returned: success
  type: dict
  sample:
    version:
      service_pack: 1
      build: 7226
after:
  description:
    - The version of the virtual server (or, with O(state=serving) and O(state=verified), owner and state of its
      group) after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    version:
      service_pack: 2
      build: 7638
server:
  description: What the directory says about the virtual server now.
  returned: with O(state=upgraded)
  type: dict
  sample:
    name: EVS1
    serial_number: "Version 6.5 (Build 7638.2: Service Pack 2)"
    product: "2003"
    service_pack: 2
    build: 7638
    front_end: false
instructions:
  description: What a person was told to do.
  returned: with O(state=upgraded)
  type: list
  elements: str
  sample:
    - "Upgrade the virtual server EVS1 now:"
events:
  description: What happened to virtual servers, for the outages in the change record.
  returned: when something happened
  type: list
  elements: dict
  contains:
    virtual_server:
      description: Its group.
      type: str
      returned: always
    event:
      description: V(offline), V(online) or V(moved).
      type: str
      returned: always
    at:
      description: When, in seconds since 1970 by the clock of the session.
      type: float
      returned: always
  sample:
    - virtual_server: EVS1
      event: offline
      at: 1795381462.5
remedy:
  description: What to do about a failure.
  returned: on failure, where there is something to say
  type: str
  sample: Look at the host, then start the run again.
trouble:
  description:
    - A known trouble that the failure belongs to, recognised by the event log of the node, exit codes and what programs
      wrote.
  returned: on failure, where one was recognised
  type: dict
  contains:
    id:
      description: Its name, for example V(version_mismatch) (error c1037b44) or V(evicted_node) (event 1025).
      type: str
      returned: always
    explanation:
      description: What it means.
      type: str
      returned: always
    remedy:
      description: What to do about it.
      type: str
      returned: always
    source:
      description: Where explanation and remedy are from, and how sure they are.
      type: str
      returned: always
    evidence:
      description: What was seen of it.
      type: list
      elements: str
      returned: always
  sample:
    id: evicted_node
    explanation: "Event 1025 of MSExchangeCluster: the node was evicted from the cluster and added again."
    remedy: Run Exchange setup with Reinstall on this node.
    source: "V: KB 328839"
    evidence:
      - "event 1025 of MSExchangeCluster: Failed to bring the resource online."
details:
  description: What else is known about a failure.
  returned: on failure
  type: dict
  sample:
    waited: 900
exit_code:
  description: Exit code of the command; null where there was none.
  returned: with O(state=upgraded)
  type: int
  sample: 0
output:
  description: What that command wrote.
  returned: on failure of a command
  type: str
  sample: System error 5015 has occurred.
progress:
  description: What the task had said until it failed.
  returned: on failure after a change had begun
  type: list
  elements: str
  sample:
    - "waiting for the group EVS1 to be online: 30 s of at most 15 min"
step:
  description: What the change record keeps of O(step).
  returned: when O(step) was given
  type: dict
  sample:
    index: 4
    host: n2
    cluster: mail
    step: move_group
    object: EVS1
    phase: free
    unpredictable: false
    reason: A node is updated only while it owns no group.
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
