#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action connection_doctor, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: connection_doctor
short_description: Look step by step whether a host can be worked with
version_added: 0.1.0
description:
  - Goes through everything that this collection needs of the control node, of the connection and of the host, and says
    of each step what was seen and what to do. A step that fails keeps no other from being tried that can be.
  - The host's name, the port, what answers there, the logon, rights, clock, code page, Windows, the programs on the
    host, Exchange, the setup account, the share with the packages, the directory; and the libraries on the control
    node.
  - Shows a table on the terminal, and fails when a step has failed. A host that does not answer is a failed step, not
    an unreachable host.
  - Nothing is changed on the host. For the share a connection to it is made and taken away again, not in check mode.
options:
  updates:
    description:
      - Keys of the updates that are to be installed. Where their packages lie is then known from the catalogue.
    type: list
    elements: str
    default: []
  setup_account:
    description:
      - Account with which setup is to run.
    type: str
  setup_password:
    description:
      - Password of O(setup_account). With it the domain is asked whether it lets the account in, which is one logon at
        the domain controller of O(directory). Without it nothing is tried.
    type: str
  share:
    description:
      - Path of a package, or of their folder, on the share. By default the first package of O(updates) on a share.
    type: str
  share_user:
    description:
      - Who may read the share.
    type: str
  share_password:
    description:
      - Password of O(share_user).
    type: str
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.READS
  - mailops.exchange.update.CATALOGUE
  - mailops.exchange.directory
seealso:
  - module: mailops.exchange.directory_info
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Look what is wrong with a host
  mailops.exchange.connection_doctor:
    updates:
      - exchange2003-sp2
    setup_account: CONTOSO\exsetup
"""

RETURN = r"""
---
msg:
  description: What was found, in a sentence.
  returned: always
  type: str
  sample: Everything that this collection needs is there.
checks:
  description: Every step in order.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: A word for programs.
      type: str
      returned: always
    title:
      description: What was looked at.
      type: str
      returned: always
    result:
      description: V(ok), V(warning), V(failed) or V(skipped).
      type: str
      returned: always
    seen:
      description: What was seen.
      type: str
      returned: always
    remedy:
      description: What to do; empty where nothing is to be done.
      type: str
      returned: always
  sample:
    - id: port
      title: Port
      result: ok
      seen: TCP port 5985 answers
      remedy: ""
table:
  description: The same as lines of text.
  returned: always
  type: list
  elements: str
  sample:
    - "mbx1:"
    - "  ok       Port                   TCP port 5985 answers"
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
