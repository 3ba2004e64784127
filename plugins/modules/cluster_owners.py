#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action cluster_owners, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cluster_owners
short_description: Have exactly some nodes as the possible owners of a cluster resource
version_added: 0.1.0
description:
  - Adds nodes to the possible owners of a resource and then removes the others, and reads the result back.
  - A group can only go to nodes that are possible owners of all of its resources. While a roll is under way this
    keeps a virtual server that has come online on an updated node from being moved to one that is not, also by the
    Cluster service itself after a failure.
  - A set that is empty, or without the node that owns the resource now, is refused.
  - Works through C(cluster.exe) on the host, which must be a node whose Cluster service runs.
options:
  resource:
    description:
      - Name of the resource, for a virtual server its System Attendant (C(hold.resource) of its group in
        M(mailops.exchange.cluster_info)).
    type: str
    required: true
  nodes:
    description:
      - The nodes that may own the resource afterwards, and no others.
    type: list
    elements: str
    required: true
  timeout:
    description:
      - Seconds to wait for the change.
    type: int
    default: 300
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.cluster_group
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.host_note
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Hold a virtual server to the nodes that are updated
  mailops.exchange.cluster_owners:
    resource: Exchange System Attendant (EVS1)
    nodes:
      - N2
      - N3
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: Exchange System Attendant (EVS1) can be owned by N2, N3.
before:
  description: The possible owners as they were found.
  returned: success
  type: dict
  sample:
    possible_owners:
      - N1
      - N2
      - N3
after:
  description: The possible owners after the task; in check mode as they would be.
  returned: success
  type: dict
  sample:
    possible_owners:
      - N2
      - N3
events:
  description: Always empty; changing possible owners moves nothing.
  returned: success
  type: list
  elements: dict
  sample: []
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
    - "waiting for removing N1 as a possible owner of Exchange System Attendant (EVS1): 30 s of at most 5 min"
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
