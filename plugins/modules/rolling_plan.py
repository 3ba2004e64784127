#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action rolling_plan, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rolling_plan
short_description: Plan the roll of updates over all servers, from what was observed of them
version_added: 0.1.0
description:
  - Makes, from the observed state of all servers, the ordered steps that bring one or several updates onto all of
    them with as little outage as the procedure of Microsoft's article 328839 allows, each with its reason.
  - Each server has one turn, in which all that it needs is installed in the order of O(updates); a prerequisite that
    the catalogue names, and whose package the site gives, is installed before the update that asks for it.
  - Nothing but the live state goes in, so that a run that was cut off is continued by planning anew.
  - The plan is shown on the terminal, step by step.
  - Where no plan can be made, the task fails with everything that was found and what to do about each.
  - A plan has a digest. A run that is given the approved one stops with the difference when what it finds has
    drifted.
options:
  updates:
    description:
      - Keys of the updates in the catalogue, in the order in which they are to be installed.
    type: list
    elements: str
    required: true
  estate:
    description:
      - What was observed.
    type: dict
    required: true
    suboptions:
      hosts:
        description:
          - Name of each host with what was observed of it; null stands for a host that could not be read.
          - RV(mailops.exchange.exchange_info#module:exchange), RV(mailops.exchange.exchange_info#module:packages),
            RV(mailops.exchange.exchange_info#module:installations) and
            RV(mailops.exchange.exchange_info#module:note) under the same names, and
            RV(mailops.exchange.cluster_info#module:cluster) for a node.
          - C(front_end), true or false where the operator says it; without it the directory decides, or that the host
            belongs to a load-balancing set.
          - C(rotation), C(interfering) and C(connector) as the actions for load balancing, interfering services and
            the Active Directory Connector return them; null where there is nothing of the kind.
          - C(backup_due), the update for which the host notes that a backup is due, null for none, left out where it
            was not read.
          - C(exchange55), of a server with Exchange 5.5, which of its services run, what an earlier run has noted on
            the host, and its add-ons (C(running), C(note), C(optimizer), C(tuning_saved), C(addons)); null elsewhere.
            It may be left out for a cluster node.
        type: dict
        required: true
      directory:
        description:
          - RV(mailops.exchange.directory_info#module:directory). Without it the level of a virtual server and the
            front-ends outside of the run are not known.
        type: dict
      absent:
        description:
          - Hosts of the inventory that are not part of the run (left out by C(--limit)), each with true or false where
            the operator says whether it is a front-end, else null. No back-end is planned while a front-end among them
            is not known to be updated.
        type: dict
        default: {}
      absent_sets:
        description:
          - The same hosts, each with its load-balancing set or null; a member of a set is taken for a front-end. Where
            the members of a set are updated together, none is planned without the others.
        type: dict
        default: {}
      absent_exchange:
        description:
          - Those of them that were read, each with RV(mailops.exchange.exchange_info#module:exchange). Of others the
            directory shows the service pack, and O(front_ends_done) says what it does not show.
        type: dict
        default: {}
  home:
    description:
      - Where the groups of a cluster stand at the end; on their preferred owners, where they were found, or where the
        roll leaves them.
    type: str
    choices:
      - preferred
      - as_found
      - stay
    default: preferred
  failover_test:
    description:
      - Over which nodes each virtual server is moved at the end to show that it fails over; all of its possible
        owners, one of them, or none.
    type: str
    choices:
      - all
      - one
      - none
    default: all
  upgrade_method:
    description:
      - How virtual servers are upgraded, by a person or by the site's own command line.
    type: str
    choices:
      - operator
      - command
    default: operator
  setup_method:
    description:
      - How setup is run; by the catalogue's command line where there is one and else by a person, always by a
        person, or always by a command line.
    type: str
    choices:
      - auto
      - operator
      - command
    default: auto
  connector:
    description:
      - Whether the Active Directory Connector is upgraded where it runs, or left, and listed as due.
    type: str
    choices:
      - upgrade
      - leave
    default: upgrade
  set_failure:
    description:
      - What becomes of the updated members of a load-balanced set when another one fails; they are held out of the
        rotation, or they serve.
    type: str
    choices:
      - hold
      - serve_with_updated
    default: hold
  addons:
    description:
      - What becomes of the add-ons of Exchange 5.5 that a service pack leaves out (Mailbox Manager, InterOrg
        Replication); they are upgraded in the turn of their server, or left and listed as due.
    type: str
    choices:
      - upgrade
      - leave
    default: upgrade
  passive_cluster_service:
    description:
      - Whether the Cluster service of the passive node of an Exchange 5.5 cluster is stopped while a service pack is
        installed on it. That of the active node always runs.
    type: str
    choices:
      - stopped
      - running
    default: stopped
  addon_commands:
    description:
      - Add-ons of Exchange 5.5 for whose setup the site gives a command line, so that no person is needed for them.
    type: list
    elements: str
    default: []
  max_virtual_servers:
    description:
      - How many virtual servers a node may carry at a time; V(0) sets no limit but Exchange's own.
    type: int
    default: 0
  front_ends_done:
    description:
      - Front-ends outside of the run that have the updates. The directory does not show hotfixes, so that nobody else
        can say it.
    type: list
    elements: str
    default: []
  lanes:
    description:
      - How many clusters and single servers go on side by side; 0 stands for all of them. Nodes of one cluster always
        follow each other.
    type: int
    default: 0
  canary:
    description:
      - Whether the first turn of each kind has a wave alone. Roles verify it before anything else begins.
    type: bool
    default: false
  records:
    description:
      - Change records of earlier runs, or folders with such records; the estimate in RV(schedule) takes the durations
        of the steps from them.
    type: list
    elements: path
    default: []
  gates:
    description:
      - What M(mailops.exchange.preflight) returned as C(gates); RV(rollback) names the backups that they have seen.
    type: list
    elements: dict
    default: []
  approved_digest:
    description:
      - RV(digest) of the plan that was approved, or its RV(scope_digest), which stays the same when a run that was
        cut off is continued. Any other plan is a failure. Empty approves any plan.
    type: str
  approved_plan:
    description:
      - RV(plan) that was approved, as it was returned then; with it the difference is told in words.
    type: dict
  approved_file:
    description:
      - File C(plan.json) that the change record's callback has written for the approved plan; read for the difference
        in words when it holds the plan of O(approved_digest). By default the one beside the change record.
    type: path
extends_documentation_fragment:
  - mailops.exchange.attributes.CONTROL
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.directory_info
  - module: mailops.exchange.exchange_info
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Plan the roll
  mailops.exchange.rolling_plan:
    updates:
      - exchange2003-sp2
      - exchange2003-sp2-kb912442
    estate:
      hosts: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'found'))) }}"
      directory: "{{ directory.directory }}"
    failover_test: one
  run_once: true
  register: planned

- name: Show it
  ansible.builtin.debug:
    msg: "{{ planned.runbook.splitlines() }}"
  run_once: true
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: 23 steps on 2 servers in 2 waves.
plan:
  description:
    - The plan, with C(updates), C(waves) (lists of hosts), C(front_waves), C(sets), C(turns) (host with its steps),
      C(prepare), C(finish), C(steps) (all of them in order), C(outages), C(predicted), C(notices), C(due), C(changes),
      C(digest) and C(scope_digest).
    - Each step has C(index), C(host), C(cluster), C(step), C(object), C(phase), C(reason), C(changed), C(before) and
      C(after).
  returned: when a plan could be made
  type: dict
  sample:
    updates:
      - exchange2003-sp2
    changes: true
    waves:
      - - n2
      - - n1
digest:
  description: SHA-256 of exactly this plan on exactly this estate.
  returned: when a plan could be made
  type: str
  sample: 5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592
scope_digest:
  description: SHA-256 of what the roll is about; the same for its first run and for every continuation.
  returned: when a plan could be made
  type: str
  sample: 7d793037a0760186574b0282f2f435e77d793037a0760186574b0282f2f435e7
schedule:
  description:
    - When what of the plan comes, about, in seconds from the first step on, with C(steps), C(prepare), C(waves),
      C(finish), C(outages), C(persons) and C(seconds).
  returned: when a plan could be made
  type: dict
  sample:
    seconds: 5400.0
rollback:
  description: What going back would take, and which backups would serve, in sentences.
  returned: when a plan could be made
  type: list
  elements: str
  sample:
    - A service pack cannot be uninstalled.
runbook:
  description: The plan as a person reads it.
  returned: when a plan could be made
  type: str
  sample: "Exchange Server 2003 Service Pack 2"
problems:
  description: Everything that keeps a plan from being made.
  returned: when no plan can be made
  type: list
  elements: dict
  contains:
    host:
      description: The host; empty where it is none in particular.
      type: str
      returned: always
    what:
      description: What is wrong.
      type: str
      returned: always
    remedy:
      description: What to do about it.
      type: str
      returned: always
  sample:
    - host: n1
      what: Exchange is not installed on the host.
      remedy: Take the host out of this run.
differences:
  description: How the plan differs from O(approved_plan).
  returned: when another plan was approved
  type: list
  elements: str
  sample:
    - "not approved: move_group EVS2 to N2 on n1 (free)"
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
