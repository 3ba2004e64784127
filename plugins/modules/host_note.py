#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action host_note, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_note
short_description: Note on a host who owned which cluster group before a roll
version_added: 0.1.0
description:
  - Writes, or removes, a small file on the host (C(C:\mailops\roll\owners.json)) with the owners of the cluster
    groups, and the possible owners of the virtual servers, as they were before the first change of a roll.
  - Groups go home by it at the end, and the possible owners become again what they were, also when the run was cut
    off in between and started again elsewhere.
  - The first note is the one that counts. A note that says something else is not written over, but reported.
options:
  state:
    description:
      - Whether the note shall be there.
    type: str
    choices:
      - present
      - absent
    default: present
  owners:
    description:
      - Name of each group with the node that owns it. Needed with O(state=present).
    type: dict
  possible_owners:
    description:
      - Group of each virtual server with the nodes that may own the resource by which it is held to updated nodes.
    type: dict
    default: {}
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.exchange_info
  - module: mailops.exchange.rolling_plan
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Note the owners
  mailops.exchange.host_note:
    owners:
      Cluster Group: N1
      EVS1: N1
    possible_owners:
      EVS1:
        - N1
        - N2

- name: Remove the note when everything is home
  mailops.exchange.host_note:
    state: absent
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: "Noted: Cluster Group on N1, EVS1 on N1, EVS1 possible on N1 and N2."
before:
  description: The note as it was found; C(owners) is null without one.
  returned: success
  type: dict
  sample:
    owners: null
after:
  description: The note after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    owners:
      Cluster Group: N1
      EVS1: N1
    possible_owners:
      EVS1:
        - N1
        - N2
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
