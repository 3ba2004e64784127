#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action cluster_service, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cluster_service
short_description: Start or stop the Cluster service of a node
version_added: 0.1.0
description:
  - Starts or stops the Cluster service of the host, and waits until it runs and the cluster counts the node as
    up, or until it is stopped.
  - Refuses to stop it while the node owns a virtual server or the group of the quorum resource, while another
    node is out of service, or while an installer runs.
  - Refuses to start it while an installer of an update runs on the node; an installer that runs is seen to its
    end first.
options:
  state:
    description:
      - Whether the service shall run.
    type: str
    required: true
    choices:
      - started
      - stopped
  updates:
    description:
      - Keys of updates whose installation may be under way. The service is not started while a job of one of them runs,
        whatever its program is called.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for the service and the cluster.
    type: int
    default: 600
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.cluster_group
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Stop the Cluster service on a node that owns nothing
  mailops.exchange.cluster_service:
    state: stopped

- name: Start it again
  mailops.exchange.cluster_service:
    state: started
    timeout: 900
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The Cluster service is stopped.
before:
  description: The service as it was found.
  returned: success
  type: dict
  sample:
    state: running
after:
  description: The service after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    state: stopped
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
