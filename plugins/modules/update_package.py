#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action update_package, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: update_package
short_description: Have the package of an update on a host, complete and proved
version_added: 0.1.0
description:
  - Copies the package from a share to the folder of the update on the host, C(C:\mailops\) and its key, beside
    its place first; proves size and hash, and then renames it.
  - Nothing is copied when the right file is there. Nothing is installed, so that this can be done while
    everything serves.
  - The connection to the share is opened with O(share_user), because the logon of the session has nothing to
    show to a second host, and taken away again. C(net use) knows no other way than a password on its command
    line, which administrators of the host can see while it runs.
options:
  source:
    description:
      - The package, as a path of the host or as a UNC path; one that ends in a backslash is a folder that holds the
        file named in the catalogue.
      - A path that begins with C(/) is a file of the control node, see O(via). A copy that was cut off is gone on with,
        and the whole is read back to prove it.
      - By default C(package.path) of the catalogue.
    type: str
  verify:
    description:
      - How the package's content is proved on the host; V(hash) compares its SHA-256 with the catalogue, V(size)
        only its number of bytes, for hosts that offer no way to make a hash.
      - By default C(package.verify) of the catalogue.
    type: str
    choices:
      - hash
      - size

  share_user:
    description:
      - Account that may read the share, C(DOMAIN\name). Left out, the host's own access is used.
    type: str
  share_password:
    description:
      - Password of O(share_user).
    type: str
  via:
    description:
      - How a file of the control node comes to the host. With V(host) by the connection itself, which only
        P(mailops.exchange.rpc#connection) can; with V(smb) by SMB beside another connection, as for a host that is
        driven over WinRM.
      - A file on a share is always copied by the host itself.
    type: str
    choices:
      - host
      - smb
    default: host
  timeout:
    description:
      - Seconds for the copy.
    type: int
    default: 7200
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.update
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.exchange_info
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Stage the package
  mailops.exchange.update_package:
    update: exchange2003-sp2
    catalogue:
      - our-updates.yml
    source: '\dc1\updates\E3SP2ENG.EXE'
    share_user: 'CONTOSO\updshare'
    share_password: "{{ vault_share_password }}"
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: 'The package is C:\mailops\exchange2003-sp2\E3SP2ENG.EXE.'
package:
  description: The update's package on the host.
  returned: success
  type: dict
  contains:
    needed:
      description: Whether it has to be copied to the host.
      type: bool
      returned: always
    staged:
      description: Whether it lies at C(path), complete and proved.
      type: bool
      returned: always
    path:
      description: Where it lies or has to lie; null where nobody named a package.
      type: str
      returned: always
    size:
      description: Bytes as found; null where there is no file.
      type: int
      returned: always
    sha256:
      description: Hash as found; null where none was made.
      type: str
      returned: always
    problem:
      description: What keeps it from being staged, C(what) and C(remedy); or null.
      type: dict
      returned: always
  sample:
    needed: true
    staged: true
    path: 'C:\mailops\exchange2003-sp2\E3SP2ENG.EXE'
    size: 113246208
    sha256: 9f2b1c6e0f0c5d0a6e1b2f3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70
    problem: null
before:
  description: The package as it was found.
  returned: success
  type: dict
  sample:
    staged: false
after:
  description: The package after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    staged: true
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
  sample: 5015
output:
  description: What that command wrote.
  returned: on failure of a command
  type: str
  sample: System error 5015 has occurred.
progress:
  description: What the task had said until it failed.
  returned: on failure after a change had begun
  type: list
  elements: str
  sample:
    - "waiting for the group EVS1 to be online: 30 s of at most 15 min"
step:
  description: What the change record keeps of O(step).
  returned: when O(step) was given
  type: dict
  sample:
    index: 4
    host: n2
    cluster: mail
    step: move_group
    object: EVS1
    phase: free
    unpredictable: false
    reason: A node is updated only while it owns no group.
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
