#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action preflight, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: preflight
short_description: Judge whether an update may begin
version_added: 0.1.0
description:
  - Runs every gate that Microsoft's article 328839 and the procedure ask for before an update, whatever the others
    found, and gives one verdict.
  - Each gate is judged by what was observed of the servers. Backups and release notes can also be stated by a person;
    a gate that failed can be overridden by its id and a reason. There is no switch for all of them.
  - The task fails where a gate failed that was not overridden. Nothing is sent to any host.
options:
  updates:
    description:
      - Keys of the updates in the catalogue, in their order. With O(hosts); needed unless O(judged) is given.
    type: list
    elements: str
  verify:
    description:
      - How the content of packages is proved; overrides what the catalogue says of each.
    type: str
    choices:
      - hash
      - size
  hosts:
    description:
      - Name of each Exchange server with what was observed of it, as C(exchange), C(cluster), C(packages),
        C(installations), C(note), C(interfering), C(connector), and RV(mailops.exchange.preflight_facts#module:facts)
        as C(facts).
      - For a host that could not be read C(unreachable) with the reason.
    type: dict
  controllers:
    description:
      - Name of each domain controller with RV(mailops.exchange.preflight_facts#module:facts) as C(facts), or
        C(unreachable) with the reason.
    type: dict
    default: {}
  directory:
    description:
      - RV(mailops.exchange.directory_info#module:directory).
    type: dict
  directory_problem:
    description:
      - Why the directory could not be read.
    type: str
  directory_given:
    description:
      - Whether the operator has given a directory at all.
    type: bool
    default: true
  statements:
    description:
      - What persons have signed, each with C(gate), C(who), C(when), C(what), and where it is not about all, C(hosts).
        A statement on release notes may name one C(update), or a list.
      - A statement on a backup counts for O(backup_age) hours from its C(when), a date or a date with time.
    type: raw
    default: []
  overrides:
    description:
      - Gates that the operator lets be, each with C(gate) and C(reason), and where it is not about all, C(hosts).
    type: raw
    default: []
  backup_age:
    description:
      - Hours that the newest full backup may be old.
    type: float
    default: 24
  clock_tolerance:
    description:
      - Seconds by which clocks may differ.
    type: float
    default: 300
  disk_space:
    description:
      - Megabytes that are to be free on each drive that the update writes to, its package not counted.
    type: int
    default: 500
  setup_account:
    description:
      - The account with which setup runs.
    type: str
  setup_method:
    description:
      - How setup runs, see O(mailops.exchange.update_install#module:method).
    type: str
    choices:
      - auto
      - command
      - operator
    default: auto
  connector:
    description:
      - What is done with the Active Directory Connector where it runs.
    type: str
    choices:
      - upgrade
      - leave
    default: upgrade
  connector_by_job:
    description:
      - Whether a job on the host runs the connector's setup, by a command line of the site's own; it needs
        O(setup_account) then.
    type: bool
    default: false
  interfering_services:
    description:
      - Services of the site that are stopped for the update too, short names or patterns.
    type: list
    elements: str
    default: []
  keep_services:
    description:
      - Services and programs that are never stopped, names or patterns.
    type: list
    elements: str
    default: []
  languages:
    description:
      - Host with the language of its Exchange (V(en), V(de), V(it)), where that is another one than that of Windows.
    type: dict
    default: {}
  width:
    description:
      - Columns of the table.
    type: int
    default: 110
  refuse:
    description:
      - Whether the task fails where the gates are closed. Without it the verdict is only told.
    type: bool
    default: true
  judged:
    description:
      - What an earlier task with O(refuse=false) has returned. Nothing is judged then; the task fails where those gates
        are closed.
    type: dict
extends_documentation_fragment:
  - mailops.exchange.attributes.CONTROL
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.preflight_facts
  - module: mailops.exchange.rolling_plan
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Judge whether the service pack may begin
  mailops.exchange.preflight:
    updates:
      - exchange2003-sp2
    hosts: "{{ observed }}"
    controllers: "{{ observed_controllers }}"
    statements:
      - gate: release_notes
        who: A. Rossi
        when: "2026-11-20"
        what: Read the release notes of service pack 2, nothing in them concerns this site.
  run_once: true
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: "The gates are closed: backup_databases, clock. Nothing was begun."
title:
  description: Name of the update or updates.
  returned: when the input was good
  type: str
  sample: Exchange Server 2003 Service Pack 2
gates:
  description: Every gate of every host, cluster and domain controller that it is about.
  returned: when they were judged
  type: list
  elements: dict
  contains:
    id:
      description: Id of the gate; an override names it.
      type: str
      returned: always
    title:
      description: What it looks at, in a few words.
      type: str
      returned: always
    host:
      description: Host, cluster or domain controller; empty for the whole run.
      type: str
      returned: always
    result:
      description: V(passed), V(failed), V(warning) or V(information).
      type: str
      returned: always
    observed:
      description: What was found.
      type: str
      returned: always
    why:
      description: Why it matters.
      type: str
      returned: always
    requirement:
      description: Id of the requirement of article 328839 that it answers; null for the collection's own.
      type: str
      returned: always
    remedy:
      description: What to do.
      type: str
      returned: always
    statement:
      description: The statements that passed it, each with C(who), C(when) and C(what), or null.
      type: list
      elements: dict
      returned: always
    overridden:
      description: The operator's reason, or null.
      type: str
      returned: always
  sample:
    - id: clock
      title: The host's clock
      host: mbx1
      result: failed
      observed: the host's clock is 900 seconds behind that of the control node
      why: Logons fail when clocks differ by more than five minutes.
      requirement: null
      remedy: Set the clock.
      statement: null
      overridden: null
verdict:
  description: V(passed), or V(failed) where a gate failed that was not overridden.
  returned: when they were judged
  type: str
  sample: failed
due:
  description: Services that a run which was cut off has left stopped.
  returned: when the gates are closed
  type: list
  elements: str
  sample: []
problems:
  description: One for each gate that failed and was not overridden, with C(host), C(what) (it begins with the id) and
    C(remedy).
  returned: when the input was good
  type: list
  elements: dict
  sample:
    - host: mbx1
      what: "clock: the host's clock is 900 seconds behind that of the control node"
      remedy: Set the clock.
refused:
  description: That the run is refused.
  returned: when a gate keeps the run from beginning
  type: bool
  sample: true
table:
  description: The gates as lines for the terminal.
  returned: when they were judged
  type: list
  elements: str
  sample:
    - RESULT      GATE                  HOST            OBSERVED
remedy:
  description: What to do about a failure.
  returned: on failure, where there is something to say
  type: str
  sample: See `problems` for what to do about each.
details:
  description: What else is known about a failure.
  returned: on failure
  type: dict
  sample:
    waited: 900
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
