#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action backup_due, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: backup_due
short_description: Note that a full backup is due after a service pack, and look whether it was made
version_added: 0.1.0
description:
  - After a service pack the backups from before it cannot be restored to the server, so that a new full backup of all
    databases is due. The module notes that on the host, in C(C:\mailops\roll\backup-due.json), and finds out from the
    host's event log whether the backup has been made since.
  - Times are those of the host's own clock.
options:
  state:
    description:
      - V(begun) notes that the installation of O(update) begins, so that nobody forgets the backup when the run is cut
        off.
      - V(noted) notes that O(update) was installed just now, where it is on the host.
      - V(due) looks whether the backup has been made, and lists it as due where it has not.
      - V(seen) does the same, and removes the note where it has.
    type: str
    required: true
    choices:
      - begun
      - noted
      - due
      - seen
  update:
    description:
      - Key of the service pack. Needed with O(state=begun) and O(state=noted).
    type: str
  databases:
    description:
      - Files of the server's databases, where they are known. Otherwise those count of which the event log of the last
        31 days shows a full backup.
    type: list
    elements: str
    default: []
  elsewhere:
    description:
      - What other nodes of the same cluster have seen, each as RV(backup.newest). A virtual server is backed up on the
        node on which it stands.
    type: list
    elements: dict
    default: []
  statements:
    description:
      - What persons have signed, as O(mailops.exchange.preflight#module:statements). One on C(backup_databases) that is
        surely later than the service pack stands for the backup where the event log cannot show it.
      - A date alone counts as its first second, and a time without a zone 14 hours earlier.
    type: raw
    default: []
  cluster:
    description:
      - Name of the cluster that the host is a node of; a statement may name it instead of the host.
    type: str
  optimizer_ran:
    description:
      - Whether the Performance Optimizer of Exchange 5.5 was run on another node of the same cluster since the service
        pack. Until then it is listed as due on each node, because a person has to run it there.
    type: bool
    default: false
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.reach
  - mailops.exchange.step
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Note that the service pack was installed
  mailops.exchange.backup_due:
    state: noted
    update: exchange2003-sp2

- name: Look whether the backup has been made
  mailops.exchange.backup_due:
    state: due
"""

RETURN = r"""
---
optimizer:
  description: On a cluster node with Exchange 5.5 the service pack (C(update)) after which the Performance Optimizer is
    due, and whether it C(ran) on this node since; else null.
  returned: with O(state=due) and O(state=seen)
  type: dict
  sample:
    update: exchange55-sp4
    ran: false
statement:
  description: Who, when and what was signed that stands for the backup; or null.
  returned: with O(state=due) and O(state=seen)
  type: dict
  sample:
    who: A. Rossi
    when: "2026-11-23 06:30+01:00"
    what: Snapshot of all LUNs by the storage, job 4712, mounted and checked.
msg:
  description: What was found, in a sentence.
  returned: always
  type: str
  sample: No backup is due.
backup:
  description: What is noted and was seen; null where nothing is noted. Its C(update) is the key of the service pack.
  returned: with O(state=due) and O(state=seen)
  type: dict
  contains:
    noted:
      description: Whether its installation was noted; false where it was only begun by a run that was cut off.
      type: bool
      returned: always
    installed_at:
      description: Since when the backup is due, ISO 8601; null where nothing came of the installation.
      type: str
      returned: always
    databases:
      description: Files of the databases that have to be backed up.
      type: list
      elements: str
      returned: always
    newest:
      description: File of each database that was backed up since, with the time, in seconds since 1970.
      type: dict
      returned: always
    missing:
      description: Files of the databases that were not.
      type: list
      elements: str
      returned: always
    due:
      description: Whether the backup is due.
      type: bool
      returned: always
    problem:
      description: Why the event log cannot be read; null where it can.
      type: str
      returned: always
  sample:
    update: exchange2003-sp2
    noted: true
    installed_at: "2026-11-22T21:24:11+00:00"
    databases:
      - C:\Program Files\Exchsrvr\mdbdata\priv1.edb
    newest: {}
    missing:
      - C:\Program Files\Exchsrvr\mdbdata\priv1.edb
    due: true
    problem: null
due:
  description: What a person owes, for the change record.
  returned: with O(state=due) and O(state=seen), where the backup was not made
  type: list
  elements: str
  sample:
    - "mbx1: full backup due of all Exchange databases."
before:
  description: The service pack whose backup was noted as due.
  returned: when something is changed
  type: dict
  sample:
    backup_due: null
after:
  description: The same after the task; in check mode as it would be.
  returned: when something is changed
  type: dict
  sample:
    backup_due: exchange2003-sp2
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
    step: note_backup_due
    object: mbx1
    phase: update
    unpredictable: false
    reason: Backups from before the service pack cannot be restored any more.
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
