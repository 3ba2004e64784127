#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action nlb_info, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nlb_info
short_description: Read how a front-end stands in its load-balanced set
version_added: 0.1.0
description:
  - Reads whether Network Load Balancing is set up on the host, and whether it takes new connections of users.
  - The state is read as a number from WMI where the host has that, else from the words of C(wlbs query). What cannot
    be read for certain is V(unknown).
  - Changes nothing.
options:
  set:
    description:
      - Name of the load-balancing set that the host belongs to.
      - Without it RV(rotation) is null, and a host without Network Load Balancing is no error.
    type: str
  method:
    description:
      - How members of the set leave and join the rotation.
      - V(auto) and V(nlb) mean Network Load Balancing on the host, which must be set up there when O(set) is given.
      - V(hook) means a balancer that tasks of the operator switch; only these can tell where the host stands, so the
        state is null here.
      - V(none) means that nothing takes the host out of the rotation.
    type: str
    choices:
      - auto
      - nlb
      - hook
      - none
    default: auto
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.READS
  - mailops.exchange.reach
seealso:
  - module: mailops.exchange.nlb_node
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Read how the front-end stands in the set web
  mailops.exchange.nlb_info:
    set: web
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ found.rotation.state }}"
"""

RETURN = r"""
---
msg:
  description: What was found, in a sentence.
  returned: always
  type: str
  sample: "Network Load Balancing: converged."
rotation:
  description: Where the host stands, as the plan takes it; null without O(set).
  returned: success
  type: dict
  contains:
    set:
      description: Name of the set.
      type: str
      returned: always
    method:
      description: V(nlb), V(hook) or V(none).
      type: str
      returned: always
    state:
      description: V(in), V(out), V(draining) or V(unknown); null with V(hook).
      type: str
      returned: always
    held:
      description: Whether this collection holds the host out of the rotation (its note is on the host).
      type: bool
      returned: with V(nlb)
  sample:
    set: web
    method: nlb
    state: in
    held: false
balancing:
  description: What Network Load Balancing says; null where it is not set up or was not asked.
  returned: success
  type: dict
  contains:
    present:
      description: Whether it is set up on the host.
      type: bool
      returned: always
    state:
      description: V(stopped), V(suspended), V(draining), V(converging), V(converged) or V(unknown).
      type: str
      returned: always
    source:
      description: What told the state, V(number) of WMI, V(words) of the program, or V(none).
      type: str
      returned: always
    clusters:
      description:
        - The load-balancing clusters that the host belongs to, with their address and whether the host joins when
          Windows starts.
      type: list
      elements: dict
      returned: always
    held:
      description: Whether this collection holds the host out of the rotation (its note is on the host).
      type: bool
      returned: always
  sample:
    present: true
    state: converged
    source: number
    clusters:
      - address: 10.20.1.10
        starts_with_windows: true
    held: false
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
