#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action cluster_resource, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cluster_resource
short_description: Take the resources of a virtual server offline, or bring them online
version_added: 0.1.0
description:
  - Takes every resource of a cluster group offline except some types, in the order of their dependencies, or
    brings every resource of the group online.
  - This is how a virtual server of Exchange is made ready for its upgrade, and how it comes back, as
    Microsoft's article 328839 asks for.
  - Works through C(cluster.exe) on the host, which must be a node whose Cluster service runs.
  - A resource that fails or does not get there in time is a failure.
options:
  group:
    description:
      - Name of the group.
    type: str
    required: true
  state:
    description:
      - V(offline) takes every resource offline except those of the types in O(keep_types), which come online if
        they are not.
      - V(online) brings every resource online.
    type: str
    required: true
    choices:
      - online
      - offline
  keep_types:
    description:
      - Types of resources that stay online with O(state=offline). The names of types are English on every server.
    type: list
    elements: str
    default:
      - IP Address
      - Network Name
      - Physical Disk
  leave_offline:
    description:
      - Resources that stay offline with O(state=online), because they were offline before.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for the resources.
    type: int
    default: 900
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.cluster_group
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.virtual_server
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Take a virtual server offline, but leave its address, name and disks
  mailops.exchange.cluster_resource:
    group: EVS1
    state: offline

- name: Bring it back
  mailops.exchange.cluster_resource:
    group: EVS1
    state: online
    timeout: 1800
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: Every resource of EVS1 is online.
before:
  description: The group and its resources as it was found.
  returned: success
  type: dict
  sample:
    owner: N2
    state: partially_online
    resources:
      EVS1 IP Address: online
      Exchange System Attendant (EVS1): offline
after:
  description: The group and its resources after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    owner: N2
    state: online
    resources:
      EVS1 IP Address: online
      Exchange System Attendant (EVS1): online
taken:
  description: The resources that were taken offline.
  returned: with O(state=offline)
  type: list
  elements: str
  sample:
    - Exchange System Attendant (EVS1)
left:
  description:
    - The resources that had been offline before; give them as O(leave_offline) to bring the others back only.
  returned: with O(state=offline)
  type: list
  elements: str
  sample: []
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
