#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action exchange_info, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: exchange_info
short_description: Read what Exchange a Windows host has, and how far an update has come on it
version_added: 0.1.0
description:
  - Reads product, service pack, build, hotfixes, services, Windows, the file version of C(store.exe) and boot time
    from the registry, the service manager and WMI of the host.
  - With O(updates) it also tells whether the packages of these updates, and of those that they require, are on the
    host, how far their installers have come, and which owners of cluster groups are noted there.
  - With O(expect) or O(step) it fails where the host is not at the expected level, or where services that start
    by themselves do not run in time.
  - It is meant for NT 4.0, 2000 and Server 2003, which have neither Python nor a usable PowerShell.
options:
  updates:
    description:
      - Keys of updates in the catalogue, for example V(exchange2003-sp2), of which the state is wanted too.
      - Updates that these require are looked at as well where a package is given for them (C(package.path)).
    type: list
    elements: str
    default: []
  source:
    description:
      - The package, as a path of the host or as a UNC path; one that ends in a backslash is a folder that holds the
        file named in the catalogue.
      - By default C(package.path) of the catalogue. Not with several updates.
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
  expect:
    description:
      - Level that the host must have. By default, when O(step) is given, the level that the step ends with.
      - The file version of C(store.exe) must fit it, too, where the host tells one.
      - Then every service of Exchange that starts by itself must run, too.
    type: dict
    suboptions:
      service_pack:
        description:
          - Number of the service pack.
        type: int
      build:
        description:
          - Lowest build.
        type: int
      hotfixes:
        description:
          - Hotfixes that must be there, as C(KBnnnnnn).
        type: list
        elements: str
      windows_service_pack:
        description:
          - Lowest service pack of Windows.
        type: int
      suite_service_pack:
        description:
          - Lowest service pack of Small Business Server.
        type: int
  timeout:
    description:
      - Seconds to wait for the services, with O(expect) or O(step).
    type: int
    default: 600
  database_timeout:
    description:
      - Seconds to wait while services of Exchange are starting, above all a store that upgrades its databases on a new
        version, which can take hours.
    type: int
    default: 14400
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.READS
  - mailops.exchange.update.CATALOGUE
  - mailops.exchange.reach
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.cluster_info
  - module: mailops.exchange.directory_info
  - module: mailops.exchange.rolling_plan
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Read what is installed
  mailops.exchange.exchange_info:
  register: found

- name: See how far an update has come
  mailops.exchange.exchange_info:
    updates:
      - exchange2003-sp2
      - exchange2003-kb912442
    catalogue:
      - our-updates.yml
  register: found

- name: Verify the level
  mailops.exchange.exchange_info:
    expect:
      service_pack: 2
      build: 7638
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: Exchange 2003 with service pack 1, build 7226.
exchange:
  description: What the host is.
  returned: when the host was read
  type: dict
  contains:
    computer_name:
      description: Name of the computer, in capitals.
      type: str
      returned: always
    installed:
      description: Whether Exchange is installed.
      type: bool
      returned: always
    product:
      description: V(5.5), V(2000) or V(2003); null without Exchange.
      type: str
      returned: always
    version:
      description: V(5.5), V(6.0) or V(6.5); null without Exchange.
      type: str
      returned: always
    build:
      description: Build of Exchange; null without Exchange.
      type: int
      returned: always
    service_pack:
      description: Service pack of Exchange, 0 for none; null without Exchange.
      type: int
      returned: always
    hotfixes:
      description: Hotfixes of Exchange for this service pack, and of Windows, as C(KBnnnnnn).
      type: list
      elements: str
      returned: always
    unproven_hotfixes:
      description:
        - Hotfixes that the registry shows, but in whose installation by this collection a file was in use; they are
          not among RV(exchange.hotfixes), because they are to be installed again.
      type: list
      elements: str
      returned: when O(updates) was given
    store_version:
      description: File version of C(store.exe); null without Exchange, or where the host does not tell it.
      type: str
      returned: always
    earlier_hotfixes:
      description: Hotfixes that were made for an earlier service pack and say nothing about this one.
      type: list
      elements: str
      returned: always
    edition:
      description: V(small_business), V(conferencing) or null.
      type: str
      returned: always
    suite_service_pack:
      description: Service pack of Small Business Server, 0 for none; null where its key is not there.
      type: int
      returned: always
    os:
      description: Windows with C(name) (V(nt4), V(2000), V(server2003)), C(version), C(build) and C(service_pack).
      type: dict
      returned: always
    clustered:
      description: Whether the host is a node of a cluster.
      type: bool
      returned: always
    services:
      description: The services of Exchange, and the Cluster service, each with C(state) and C(start_type).
      type: dict
      returned: always
    boot_time:
      description: When Windows was started, as WMI writes it.
      type: str
      returned: always
    pending_restart:
      description: Whether files wait for a restart.
      type: bool
      returned: always
  sample:
    computer_name: N1
    installed: true
    product: "2003"
    version: "6.5"
    build: 7226
    service_pack: 1
    hotfixes:
      - KB831464
    unproven_hotfixes: []
    earlier_hotfixes: []
    store_version: 6.5.7226.6
    edition: null
    suite_service_pack: null
    os:
      name: server2003
      version: "5.2"
      build: 3790
      service_pack: 2
    clustered: true
    services:
      MSExchangeSA:
        state: running
        start_type: manual
    boot_time: "20261122101500.500000+060"
    pending_restart: false
notices:
  description: What an operator should know though nothing is wrong, for example that a file's version is not told.
  returned: when the host was read
  type: list
  elements: str
  sample: []
packages:
  description: The package of each update on the host, by the update's key; each with the following.
  returned: when O(updates) was given
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
    exchange2003-sp2:
      needed: true
      staged: true
      path: 'C:\mailops\exchange2003-sp2\E3SP2ENG.EXE'
      size: 113246208
      sha256: 9f2b1c6e0f0c5d0a6e1b2f3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70
      problem: null
installations:
  description: How far the job of each update's installer has come on the host, by the update's key.
  returned: when O(updates) was given
  type: dict
  contains:
    phase:
      description:
        - V(none), V(prepared), V(armed), V(running), V(finished) or V(interrupted).
        - An interrupted installer is never started again by itself.
      type: str
      returned: always
    exit_code:
      description: How the installer ended; null before that.
      type: int
      returned: always
    restart_pending:
      description: Whether the installer has asked for a restart that has not happened yet.
      type: bool
      returned: always
    unproven:
      description: Whether the host shows the update although a file was in use in its installation.
      type: bool
      returned: always
    in_use:
      description: The files that were in use then.
      type: list
      elements: str
      returned: always
    reported:
      description: Whether it ended in a failure that an earlier run has told; the next attempt is a new one.
      type: bool
      returned: always
  sample:
    exchange2003-sp2:
      phase: finished
      exit_code: 3010
      restart_pending: true
      unproven: false
      in_use: []
      reported: false
note:
  description:
    - Owners of cluster groups, and possible owners of what holds the virtual servers, as they are noted on the host;
      null without a note.
  returned: when O(updates) was given
  type: dict
  sample:
    owners:
      Cluster Group: N1
      EVS1: N1
    possible_owners:
      EVS1:
        - N1
        - N2
before:
  description: In check mode with O(step), the level before the step as the plan predicts it.
  returned: in check mode with O(step)
  type: dict
  sample:
    service_pack: 2
after:
  description: In check mode with O(step), the level after the step as the plan predicts it.
  returned: in check mode with O(step)
  type: dict
  sample:
    service_pack: 2
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
