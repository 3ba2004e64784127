#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action exchange_services, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: exchange_services
short_description: Stop the services of Exchange 5.5 for a service pack, and start again those that ran
version_added: 0.1.0
description:
  - All services of Exchange 5.5 have to stand still before the setup of a service pack starts. The module stops the
    optional ones first, then the others by C(net stop MSExchangeSA /yes), which Microsoft's articles print twice. The
    directory takes 10 to 15 minutes to stop; it is waited for, and the line is given once more when it has stopped.
  - Services of others that depend on Exchange stop along with it, and are started again with it.
  - Before the first change the services that run are noted on the host itself, in C(C:\mailops\roll\exchange.json); the
    file is removed when all of them run again. So a run that was killed at any moment is put right by the next one.
  - On a node of a cluster the module refuses, because there the Cluster service stops and starts Exchange.
options:
  state:
    description:
      - V(noted) notes what runs, for an installer that stops and starts the services itself. Should it be cut off, or
        hang and be ended, V(restored) starts what it has left stopped.
      - V(stopped) notes and stops them. Where they cannot be stopped, all of them are started again and the task fails.
      - V(restored) starts what is noted, the System Attendant first, and removes the note.
    type: str
    required: true
    choices:
      - noted
      - stopped
      - restored
  timeout:
    description:
      - Seconds to wait for each service. The directory has half an hour, whatever is said here.
    type: int
    default: 600
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.rpc
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Stop Exchange for the service pack
  mailops.exchange.exchange_services:
    state: stopped

- name: Start what ran before
  mailops.exchange.exchange_services:
    state: restored
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: "Stopped: MSExchangeMTA, MSExchangeIS, MSExchangeDS, MSExchangeSA."
before:
  description: The services as they were found.
  returned: with O(state=stopped) and O(state=restored), when something is changed
  type: dict
  sample:
    services:
      MSExchangeSA: running
after:
  description: The services after the task; in check mode as they would be.
  returned: with O(state=stopped) and O(state=restored), when something is changed
  type: dict
  sample:
    services:
      MSExchangeSA: stopped
exit_code:
  description: Exit code of the command that failed.
  returned: on failure of a command
  type: int
  sample: 0
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
output:
  description: What the command that failed wrote.
  returned: on failure of a command
  type: str
  sample: Access is denied.
progress:
  description: What the task had said until it failed.
  returned: on failure after a change had begun
  type: list
  elements: str
  sample:
    - "waiting for service MSExchangeDS to stop: 30 s of at most 30 min"
step:
  description: What the change record keeps of O(step).
  returned: when O(step) was given
  type: dict
  sample:
    index: 4
    host: mbx1
    cluster: null
    step: stop_exchange
    object: mbx1
    phase: update
    unpredictable: false
    reason: The services of Exchange hold its files.
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
