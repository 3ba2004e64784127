#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action exchange_addon, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: exchange_addon
short_description: Upgrade Mailbox Manager or InterOrg Replication of Exchange 5.5 from a service pack
version_added: 0.1.0
description:
  - A service pack of Exchange 5.5 does not touch these two components; what is new of them lies in the folder
    C(ENG\Server\Support) of its package. Nothing happens where the component is not installed, or not older than the
    service pack.
  - Mailbox Manager has a setup. No silent form of it was found, so that a person runs it unless the site gives a
    command line. The evidence is the file version of its program.
  - Of InterOrg Replication the service is stopped, its two files are copied from the package, and it is started again.
  - A run that was cut off finds the setup that it has begun, and goes on with it.
options:
  name:
    description:
      - The component.
    type: str
    required: true
    choices:
      - mailbox_manager
      - interorg_replication
  updates:
    description:
      - Keys of the updates of the run. The last service pack of Exchange 5.5 among them is taken.
    type: list
    elements: str
    required: true
  method:
    description:
      - Of Mailbox Manager. V(command) runs O(command) as O(account), V(operator) asks a person, V(auto) takes the
        command where there is one.
    type: str
    choices:
      - auto
      - operator
      - command
    default: auto
  command:
    description:
      - A command line of the site's own that runs the setup without questions. C({folder}) stands for its folder.
    type: str
  source:
    description:
      - Root of the unpacked service pack on the host, the folder that holds C(ENG). By default where the update's own
        files are unpacked; where they are not, they are unpacked from the staged package.
    type: str
  verify:
    description:
      - How the package is proved before it is unpacked, see M(mailops.exchange.update_package).
    type: str
    choices:
      - hash
      - size
  account:
    description:
      - Account with which the setup runs or the package is unpacked, a local administrator.
    type: str
  password:
    description:
      - Password of O(account).
    type: str
  timeout:
    description:
      - Seconds to wait for the setup, or for the person.
    type: int
    default: 3600
  service_timeout:
    description:
      - Seconds to wait for a service that is stopped or started.
    type: int
    default: 600
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
  - mailops.exchange.update.CATALOGUE
seealso:
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.rpc
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Have Mailbox Manager upgraded by a person
  mailops.exchange.exchange_addon:
    name: mailbox_manager
    updates:
      - exchange55-sp4
    method: operator

- name: Copy the new files of InterOrg Replication
  mailops.exchange.exchange_addon:
    name: interorg_replication
    updates:
      - exchange55-sp4
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: mbx1 has Mailbox Manager 5.5.2653.23.
before:
  description: Whether the upgrade was due.
  returned: success
  type: dict
  sample:
    due: true
after:
  description: Whether it still is; in check mode as it would be.
  returned: success
  type: dict
  sample:
    due: false
addon:
  description: The component after the task; null where it is not installed.
  returned: when the host was looked at
  type: dict
  sample:
    version: 5.5.2653.23
    due: false
method:
  description: The way that was taken.
  returned: when the host was looked at
  type: str
  sample: operator
problems:
  description: What went wrong, each with what to do.
  returned: when the host was looked at
  type: list
  elements: dict
  sample: []
exit_code:
  description: Exit code of the setup, or of a command that failed.
  returned: when the host was looked at, and on failure of a command
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
    step: update_addon
    object: mailbox_manager
    phase: update
    unpredictable: false
    reason: The service pack does not touch it.
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
