#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action cluster_group, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cluster_group
short_description: Move a cluster group, or bring it online or offline
version_added: 0.1.0
description:
  - Moves a group of a Microsoft cluster to a node, or brings all of its resources online or offline, and waits
    until the cluster says so.
  - Works through C(cluster.exe) on the host, which must be a node whose Cluster service runs.
  - Nothing is done when the group already is as asked. A group that does not get there in time, fails on the
    target or comes back from it, is a failure.
  - The module does not look at Exchange. Once a virtual server has come online on an updated node it must not
    move to a node that is not updated, see M(mailops.exchange.rolling_plan).
options:
  name:
    description:
      - Name of the group, as Cluster Administrator shows it.
    type: str
    required: true
  node:
    description:
      - Node that shall own the group.
      - Exactly one of O(node) and O(state) is needed.
    type: str
  state:
    description:
      - V(online) brings all resources of the group online where it stands.
      - V(offline) takes all of them offline, the IP address too. Use M(mailops.exchange.cluster_resource) to leave
        those that Exchange needs for the upgrade of a virtual server.
    type: str
    choices:
      - online
      - offline
  timeout:
    description:
      - Seconds to wait for the group.
    type: int
    default: 900
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.cluster_resource
  - module: mailops.exchange.cluster_service
  - module: mailops.exchange.rolling_plan
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Move a virtual server to the other node
  mailops.exchange.cluster_group:
    name: EVS1
    node: N2

- name: Carry out a planned move
  mailops.exchange.cluster_group:
    name: "{{ item.object }}"
    node: "{{ item.node }}"
    timeout: 1200
    step: "{{ item }}"
  loop: "{{ turn.steps | selectattr('step', 'eq', 'move_group') }}"

- name: Bring a group online
  mailops.exchange.cluster_group:
    name: File Share
    state: online
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: EVS1 is on N2.
before:
  description: The group as it was found.
  returned: success
  type: dict
  sample:
    owner: N1
    state: online
after:
  description: The group after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    owner: N2
    state: online
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
  description: Exit code of the command that failed.
  returned: on failure of a command
  type: int
  sample: 5015
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
