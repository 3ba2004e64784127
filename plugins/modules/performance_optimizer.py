#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action performance_optimizer, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: performance_optimizer
short_description: Run the Performance Optimizer of Exchange 5.5 after a service pack, and keep what it overwrites
version_added: 0.1.0
description:
  - The Performance Optimizer has to run after each service pack of Exchange 5.5. It runs as a job on the host, without
    a window, from an answer file; it never analyses disks or moves files unless the site's own answer file says so.
  - It overwrites values of the registry that were tuned by hand. They are written to files beside the change record
    before the service pack, and those that it has changed are told afterwards.
  - Key Management Server makes it hang, so that this service is stopped before and started after it.
  - How far it is stands on the host itself, in C(C:\mailops\roll\optimizer.json), so that a run that was cut off
    neither forgets it nor leaves services stopped.
  - On a node of a cluster the module refuses to run it, because the cluster's registry checkpoints undo what it sets.
options:
  state:
    description:
      - V(saved) writes the values that it sets to C(tuning-HOST.json) and, as a file for C(regedit.exe), to
        C(tuning-HOST.reg).
      - V(due) notes that it is due after O(update). To be done before the service pack is installed.
      - V(run) runs it where it is noted as due, or goes on with a run that was begun.
      - V(restored) starts the services again that a run has left stopped.
    type: str
    required: true
    choices:
      - saved
      - due
      - run
      - restored
  update:
    description:
      - Key of the service pack. Needed with O(state=due).
    type: str
  folder:
    description:
      - Folder on the control node for the files. By default that of the change record.
    type: path
  settings:
    description:
      - What the site knows of the server, for the answer file. What is left out is not written there, so that the
        program's own default counts.
    type: dict
    default: {}
    suboptions:
      users:
        description:
          - Users of the server, as the answer file numbers them. V(0) is fewer than 500, V(1) fewer than 1000, V(2)
            fewer than 5000, V(3) fewer than 25000, V(4) fewer than 50000, V(5) more.
        type: int
      org_users:
        description:
          - Users of the organisation, as the answer file numbers them, from V(0) (fewer than 1000) to V(4) (500000 or
            more).
        type: int
      server_type:
        description:
          - What the server does, of V(public), V(private), V(connectors), V(several_servers), V(pop3).
        type: list
        elements: str
      limit_memory:
        description:
          - Megabytes of memory that Exchange may use.
        type: int
      answer_file:
        description:
          - The whole answer file in the site's own words, instead of the other settings.
        type: str
  account:
    description:
      - Account with which it runs, a local administrator.
    type: str
  password:
    description:
      - Password of O(account).
    type: str
  timeout:
    description:
      - Seconds to wait for it. It is not ended after that; the task fails and says what to do.
    type: int
    default: 3600
  service_timeout:
    description:
      - Seconds to wait for each service that is stopped or started.
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
- name: Keep the values that the Performance Optimizer will overwrite
  mailops.exchange.performance_optimizer:
    state: saved

- name: Run it after the service pack
  mailops.exchange.performance_optimizer:
    state: run
    settings:
      users: 2
      server_type:
        - public
        - private
    account: CONTOSO\exsetup
    password: "{{ vault_setup_password }}"
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The Performance Optimizer has run.
before:
  description: Whether the values were saved, or it had run.
  returned: with O(state=saved), O(state=run) and O(state=restored)
  type: dict
  sample:
    optimized: false
after:
  description: The same after the task; in check mode as it would be.
  returned: with O(state=saved), O(state=run) and O(state=restored)
  type: dict
  sample:
    optimized: true
files:
  description: The files on the control node.
  returned: with O(state=saved)
  type: list
  elements: str
  sample:
    - /var/lib/rolls/record/tuning-mbx1.json
    - /var/lib/rolls/record/tuning-mbx1.reg
set:
  description: What its log says that it has set.
  returned: with O(state=run)
  type: list
  elements: dict
  sample:
    - option: "# of background threads"
      before: 96
      after: 25
changes:
  description: Values that are not as they were saved. Null stands for one that is not there.
  returned: with O(state=run)
  type: list
  elements: dict
  sample:
    - key: SYSTEM\CurrentControlSet\Services\MSExchangeIS\ParametersSystem
      name: Background Threads
      before: 96
      after: 25
problems:
  description: What went wrong, each with what to do.
  returned: with O(state=run)
  type: list
  elements: dict
  sample: []
due:
  description: What a person owes, for the change record.
  returned: with O(state=run), when it has changed values
  type: list
  elements: str
  sample:
    - "mbx1: see which of the values that the Performance Optimizer has changed were tuned by hand."
exit_code:
  description: Exit code of the Performance Optimizer, or of a command that failed.
  returned: with O(state=run), and on failure of a command
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
    step: optimize
    object: mbx1
    phase: update
    unpredictable: false
    reason: Microsoft asks for it after each service pack.
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
