#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action interfering_services, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: interfering_services
short_description: Stop the services that interfere with an update, and put them back as they were
version_added: 0.1.0
description:
  - Stops services that would keep an update of Exchange from being installed, such as antivirus, backup agents, SNMP
    and monitoring, with the services that depend on them, and gives all of them back their state and start type
    afterwards.
  - Before the first change state and start type are noted on the host itself, in C(C:\mailops\roll\services.json); the
    file is removed after the last change. So a run that was killed at any moment is put right by the next one.
  - While they are stopped, their start type is C(disabled), so that neither a restart nor a monitor starts them.
  - Services that were not running are left alone. Where one cannot be stopped, everything is put back and the task
    fails.
  - Which services interfere is known from a list of the collection; Windows' and Exchange's own are never stopped.
options:
  state:
    description:
      - V(stopped) notes and stops them.
      - V(restored) puts back what is noted, and removes the note.
    type: str
    required: true
    choices:
      - stopped
      - restored
  extra:
    description:
      - Names of further services of the site, or patterns such as V(Acme*), that interfere.
    type: list
    elements: str
    default: []
  keep:
    description:
      - Names or patterns of services that are never stopped. This wins over O(extra) and over the list of the
        collection.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for each service.
    type: int
    default: 300
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.rolling_plan
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Stop what interferes, and a service of the site's own
  mailops.exchange.interfering_services:
    state: stopped
    extra:
      - AcmeMailScanner

- name: Put everything back
  mailops.exchange.interfering_services:
    state: restored
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: "Stopped: SNMP."
before:
  description: The services as they were found.
  returned: when something is changed
  type: dict
  sample:
    services:
      SNMP: running
after:
  description: The services after the task; in check mode as they would be.
  returned: when something is changed
  type: dict
  sample:
    services:
      SNMP: stopped
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
  sample: 1051
output:
  description: What that command wrote.
  returned: on failure of a command
  type: str
  sample: "[SC] ControlService FAILED 1051:"
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
    step: stop_services
    object: mbx1
    phase: update
    unpredictable: false
    reason: SNMP keeps performance libraries in use.
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
