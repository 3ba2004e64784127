#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action preflight_facts, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: preflight_facts
short_description: Read from a host what the gates before an update ask for
version_added: 0.1.0
description:
  - Reads the clock, the evidence of backups in the event log, all services, the processes, the free space of the
    drives that matter, whether a restart is pending, the local administrators and the language.
  - What rests on words in the host's language is not relied upon; numbers, sources and insertion strings are.
  - What a host does not tell is missing, with the reason in RV(facts.problems); the gate that needs it says so.
  - The module only reads. M(mailops.exchange.preflight) judges by what it returns.
options:
  role:
    description:
      - V(server) for an Exchange server, V(controller) for a domain controller, of which only clock, backups and
        processes matter.
    type: str
    choices:
      - server
      - controller
    default: server
  lookback:
    description:
      - How many hours of the event log are searched for backups.
    type: int
    default: 192
  updates:
    description:
      - Keys of the updates of the run. Where their packages lie on a share of this host, they are looked at there.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.READS
  - mailops.exchange.reach
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.preflight
  - module: mailops.exchange.exchange_info
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Read what the gates ask for
  mailops.exchange.preflight_facts:
  register: preflight

- name: Read the backups of a domain controller
  mailops.exchange.preflight_facts:
    role: controller
  register: preflight
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The host told everything.
facts:
  description: What was read.
  returned: success
  type: dict
  contains:
    time:
      description: The host's own time in seconds since 1970; null where it was not told.
      type: float
      returned: always
    drift:
      description: Seconds by which the host's clock is ahead of the control node's, at the least.
      type: float
      returned: always
    backup:
      description:
        - Evidence of backups.
        - C(engine) holds under C(databases) each database file with a full backup, under C(failed) the storage groups
          with a failed one, under C(running) those with one under way; ages in hours.
        - C(system_state) is the age in hours of the newest system-state backup, or null.
        - C(problem) says why the event log was not read, or is null.
      type: dict
      returned: always
    system:
      description: The Windows of the host, V(nt4), V(2000) or V(server2003); null where it was not told.
      type: str
      returned: always
    rights:
      description: V(administrator), V(none), or V(unknown) where the host does not tell it.
      type: str
      returned: for a server
    services:
      description: Short name of each service with C(display_name), C(state) and C(start_type).
      type: dict
      returned: for a server
    processes:
      description: Image names of the processes, each once; null where they were not told.
      type: list
      elements: str
      returned: always
    connector:
      description: Whether Active Directory Connector is installed; null where that was not told.
      type: bool
      returned: for a domain controller
    packages:
      description: Path of each package that lies on a share of this host, with its C(size) and C(sha256), or null.
      type: dict
      returned: always
    drives:
      description: Drive with C(free) bytes and what it is C(for).
      type: dict
      returned: for a server
    pending_restart:
      description: What says that a restart is pending; empty for none.
      type: list
      elements: str
      returned: for a server
    administrators:
      description: Direct members of the local administrators; null where they were not told.
      type: list
      elements: str
      returned: for a server
    code_page:
      description: Code page of the console.
      type: int
      returned: for a server
    language:
      description: Language of Windows as a number of the registry, V(0409) for English.
      type: str
      returned: for a server
    databases:
      description: Files of the databases of Exchange 5.5, as its registry names them; null on other servers.
      type: list
      elements: str
      returned: for a server
    application_server:
      description: Whether Windows is an application server of Terminal Services; null where it was not told.
      type: bool
      returned: for a server
    install_path:
      description: Where Exchange lies.
      type: str
      returned: for a server
    quorum:
      description: C(resource) that the cluster's registry names as quorum; null where the host is no running node.
      type: dict
      returned: for a server
    problems:
      description: What was not told, with the reason.
      type: dict
      returned: always
  sample:
    time: 1795381462.0
    drift: 0.0
    backup:
      engine:
        databases: {}
        failed: {}
        running: []
      system_state: 6.0
      problem: null
    problems: {}
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
