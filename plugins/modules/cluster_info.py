#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action cluster_info, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cluster_info
short_description: Read the nodes, groups and resources of a Microsoft cluster
version_added: 0.1.0
description:
  - Reads nodes, groups and resources of the cluster that the host is a node of, through C(cluster.exe) and the
    registry of the host, in one round trip.
  - The states are told from the structure of the answers where the words are translated; a word that is not
    understood gives V(unknown), never a guess.
  - With O(expect) it fails where a group is not as expected.
options:
  settle:
    description:
      - Seconds to wait until no group and no resource is on its way and no node is joining; V(0) takes the cluster
        as it is.
    type: int
    default: 0
  expect:
    description:
      - How a group must be.
    type: dict
    suboptions:
      group:
        description:
          - Name of the group.
        type: str
        required: true
      owner:
        description:
          - Node that must own it.
        type: str
      state:
        description:
          - State that it must have.
        type: str
        choices:
          - online
          - partially_online
          - offline
          - failed
      version:
        description:
          - Level that the node which owns the group must have; the task runs on that node. It is the version of the
            group of Exchange 5.5, which no directory shows.
        type: dict
        suboptions:
          service_pack:
            description:
              - Its service pack.
            type: int
            required: true
          build:
            description:
              - Its build, or an earlier one.
            type: int
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.READS
  - mailops.exchange.reach
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.cluster_group
  - module: mailops.exchange.exchange_info
  - module: mailops.exchange.rolling_plan
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Read the cluster
  mailops.exchange.cluster_info:
    settle: 600
  register: found

- name: See that a virtual server is online on a node
  mailops.exchange.cluster_info:
    expect:
      group: EVS1
      owner: N2
      state: online
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The Cluster service is running.
cluster:
  description:
    - The cluster as the host sees it; everything but C(service) is empty while its Cluster service does not run.
  returned: when the cluster was read
  type: dict
  contains:
    service:
      description: State of the Cluster service of the host, V(absent) where there is none.
      type: str
      returned: always
    name:
      description: Name of the cluster.
      type: str
      returned: always
    quorum_resource:
      description: Name of the quorum resource.
      type: str
      returned: always
    nodes:
      description: Name of each node with its C(id) and C(state).
      type: dict
      returned: always
    groups:
      description:
        - Name of each group with C(owner), C(state), C(preferred_owners), C(possible_owners) (of all of its
          resources), C(virtual_server), C(quorum) and C(network_name).
        - C(hold) of a virtual server is its System Attendant, C(resource), with the C(possible_owners) of that one,
          by which the virtual server can be held to some nodes; null for other groups.
      type: dict
      returned: always
    resources:
      description:
        - Name of each resource with C(group), C(owner), C(state), C(type), C(possible_owners) and C(depends_on).
      type: dict
      returned: always
  sample:
    service: running
    name: mail
    quorum_resource: "Disk Q:"
    nodes:
      N1:
        id: 1
        state: up
    groups:
      EVS1:
        owner: N1
        state: online
        preferred_owners:
          - N1
        possible_owners:
          - N1
          - N2
        virtual_server: true
        quorum: false
        network_name: EVS1
        hold:
          resource: Exchange System Attendant (EVS1)
          possible_owners:
            - N1
            - N2
    resources:
      EVS1 Name:
        group: EVS1
        owner: N1
        state: online
        type: Network Name
        possible_owners:
          - N1
          - N2
        depends_on:
          - EVS1 IP Address
before:
  description: In check mode with O(step), the group before the step as the plan predicts it.
  returned: in check mode with O(step)
  type: dict
  sample:
    owner: N2
    state: online
after:
  description: In check mode with O(step), the group after the step as the plan predicts it.
  returned: in check mode with O(step)
  type: dict
  sample:
    owner: N2
    state: online
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
