#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action host_look, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_look
short_description: Read in one go everything about a host that a roll wants to know
version_added: 0.1.0
description:
  - Reads Exchange and how far the updates have come, the cluster, the place of a front-end in its load-balancing set,
    the services that interfere, Active Directory Connector, the full backup that is due, what belongs to Exchange 5.5
    alone and, with O(lookback), what the gates ask for.
  - Each part has the form that the module which reads it alone gives it; those are for looking at one thing. This one
    opens one session, and puts questions together where it can.
  - The module only reads. M(mailops.exchange.preflight) and M(mailops.exchange.rolling_plan) judge by what it returns.
options:
  updates:
    description:
      - Keys of the updates of the run, in their order. What they require is looked at too.
    type: list
    elements: str
    required: true
  verify:
    description:
      - How a package's content is proved on the host, instead of as the catalogue says.
      - V(hash) compares SHA-256, V(size) only the number of bytes.
    type: str
    choices:
      - hash
      - size
  settle:
    description:
      - Seconds to wait until nothing in the cluster is on its way.
    type: int
    default: 0
  database_timeout:
    description:
      - Seconds to wait instead of O(settle) on Exchange 2000 while nothing but virtual servers that come online is on
        its way, as the store may be upgrading its databases.
    type: int
    default: 14400
  set:
    description:
      - Name of the load-balancing set that a front-end belongs to.
    type: str
  method:
    description:
      - How it is switched, as in M(mailops.exchange.nlb_info).
    type: str
    choices:
      - auto
      - nlb
      - hook
      - none
    default: auto
  extra:
    description:
      - Names of further services of the site, or patterns such as V(Acme*), that interfere.
    type: list
    elements: str
    default: []
  keep:
    description:
      - Names or patterns of services that are never stopped.
    type: list
    elements: str
    default: []
  shipped_maps:
    description:
      - Hashes (SHA-256, SHA-1 or MD5) of the connector's map files as they were shipped.
    type: list
    elements: str
    default: []
  maps:
    description:
      - Customised new map files of the connector, as paths on the host or on a share.
    type: dict
    suboptions:
      local:
        description:
          - The new C(local.map).
        type: str
      remote:
        description:
          - The new C(remote.map).
        type: str
  leave_connector:
    description:
      - Whether the connector is left as it is. It is then listed as due in the change record.
    type: bool
    default: false
  lookback:
    description:
      - How many hours of the event log are searched for backups. Without it nothing is read for the gates.
    type: int
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.READS
  - mailops.exchange.reach
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.exchange_info
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.preflight_facts
  - module: mailops.exchange.rolling_plan
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Look at the server
  mailops.exchange.host_look:
    updates:
      - exchange2003-sp2
  register: found

- name: Look at the server, also for the gates
  mailops.exchange.host_look:
    updates:
      - exchange2003-sp2
    lookback: 192
  register: found
"""

RETURN = r"""
---
msg:
  description: What Exchange the host has, in a sentence.
  returned: always
  type: str
  sample: Exchange 2003 with service pack 1, build 7226.
exchange:
  description: What the host is, as in M(mailops.exchange.exchange_info).
  returned: success
  type: dict
  sample:
    computer_name: MBX1
    product: "2003"
    service_pack: 1
    build: 7226
notices:
  description: What an operator should know though nothing is wrong.
  returned: success
  type: list
  elements: str
  sample: []
packages:
  description: The package of each update on the host, as in M(mailops.exchange.exchange_info).
  returned: success
  type: dict
  sample:
    exchange2003-sp2:
      needed: true
      staged: false
installations:
  description: How far the installation of each update has come, as in M(mailops.exchange.exchange_info).
  returned: success
  type: dict
  sample:
    exchange2003-sp2:
      phase: none
      exit_code: null
note:
  description: Owners of the groups that an earlier run has noted; null where there is no note.
  returned: success
  type: dict
  sample:
    owners:
      EVS1: N1
    possible_owners: {}
cluster:
  description: The cluster, as in M(mailops.exchange.cluster_info); null where the host is no node, or it is unreadable.
  returned: success
  type: dict
  sample:
    service: running
    name: MAIL
cluster_problem:
  description: Why the cluster cannot be read; null where that is not so.
  returned: success
  type: str
  sample: "the Cluster service runs but does not answer."
rotation:
  description: Where a front-end stands, as in M(mailops.exchange.nlb_info); null without O(set).
  returned: success
  type: dict
  sample:
    set: web
    method: nlb
    state: in
    held: false
interfering:
  description:
    - The services that run and are to be stopped for the update under C(running), in the order in which they are
      stopped, each with its long name, start type and why.
    - What an earlier run has stopped under C(note), or null.
  returned: success
  type: dict
  contains:
    running:
      description: Service with C(display_name), C(start_type) and C(why).
      type: dict
      returned: always
    note:
      description: Service with C(start_type) and C(state) as an earlier run has found it; null where there is none.
      type: dict
      returned: always
  sample:
    running:
      SNMP:
        display_name: SNMP Service
        start_type: auto
        why: monitoring holds performance libraries
    note: null
connector:
  description: Active Directory Connector, as in M(mailops.exchange.connector_info); null where there is none.
  returned: success
  type: dict
  sample:
    version: 6.5.7226.0
    due: true
backup_due:
  description: The full backup after a service pack, as in M(mailops.exchange.backup_due); null where none is noted.
  returned: success
  type: dict
  sample:
    update: exchange2003-sp2
    due: true
optimizer_by_hand:
  description: On a cluster node with Exchange 5.5, whether a person still has to run the Performance Optimizer, as
    RV(mailops.exchange.backup_due#module:optimizer); else null.
  returned: success
  type: dict
  sample: null
exchange55:
  description: What belongs to Exchange 5.5 alone; null for every other host.
  returned: success
  type: dict
  contains:
    running:
      description: Services of Exchange that run, with C(display_name) and C(start_type), in the order of their start.
      type: dict
      returned: always
    note:
      description: Services that a run has stopped and not started yet, with C(state) and C(start_type), or null.
      type: dict
      returned: always
    optimizer:
      description: V(due) or V(begun) where the Performance Optimizer is still to be run, or null.
      type: str
      returned: always
    tuning_saved:
      description: Whether the values that it sets have been saved.
      type: bool
      returned: always
    addons:
      description: Add-ons that are installed, each with C(version), and C(due) where it is older than the service pack.
      type: dict
      returned: always
    monitors:
      description: Programs that watch Exchange and run on the host.
      type: list
      elements: str
      returned: always
  sample: null
gate_facts:
  description: What the gates ask for, as in M(mailops.exchange.preflight_facts); null without O(lookback).
  returned: success
  type: dict
  sample:
    rights: administrator
    problems: {}
due:
  description: What a person owes, for the change record.
  returned: where the connector is left as it is and should not
  type: list
  elements: str
  sample:
    - "mbx1: Active Directory Connector 6.5.7226.0 was left as it is."
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
  sample: 1
output:
  description: What that command wrote.
  returned: on failure of a command
  type: str
  sample: "ERROR: Invalid query."
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
