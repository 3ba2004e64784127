#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action update_install, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: update_install
short_description: Have an update of Exchange installed on a host, exactly once
version_added: 0.1.0
description:
  - Runs the setup of an update as a job on the host by itself, under the account that Exchange setup needs, or
    tells a person at the server what to do; waits for its end, and judges by exit code, log and version whether
    it succeeded.
  - A run that was cut off finds the running or finished job and goes on with it. Setup is never started a
    second time beside it.
  - Immediately before the start it is refused while the Cluster service of a node of Exchange 2000 or 2003
    runs, while another setup runs, while the package is not there or not the right one, or where the update is not
    for the Exchange or the Windows of the host.
  - A file that was in use, as the log of setup says, is never taken for success, whatever the exit code and the
    registry say. It is named, and the update counts as not installed until setup has run again without it.
  - Setup that shows a dialog which nobody can see is a timeout; it goes on then, and so does the next run.
  - The module never restarts the host, see M(mailops.exchange.host_restart).
options:
  source:
    description:
      - The package, as a path of the host or as a UNC path; one that ends in a backslash is a folder that holds the
        file named in the catalogue.
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

  state:
    description:
      - V(installed) has the update on the host.
      - V(cleared) removes the job and its files from the host. The installer's own log, the package and the note of
        the owners stay.
      - V(observed) changes nothing and returns C(node), what O(peers) of the installation on another node takes.
    type: str
    choices:
      - installed
      - cleared
      - observed
    default: installed
  method:
    description:
      - V(command) runs a command line as O(account).
      - V(operator) brings everything to the point where a person runs setup at the server, shows what to do, leaves
        C(WAITING-FOR-OPERATOR.txt) in the folder of the update, and waits for the evidence.
      - V(auto) is V(command) where a command line is known, else V(operator).
    type: str
    choices:
      - auto
      - operator
      - command
    default: auto
  command:
    description:
      - Command line with which setup asks nothing, instead of that of the catalogue.
      - C({package}), C({folder}) and C({log}) are filled in; a brace itself is written twice.
    type: str
  account:
    description:
      - Account with which the job on the host logs on, C(DOMAIN\name), a local administrator and Exchange Full
        Administrator. A network logon such as that of the session cannot reach Active Directory.
    type: str
  password:
    description:
      - Password of O(account). C(schtasks) knows no other way than its command line, which administrators of the
        host can see while it runs.
    type: str
  peers:
    description:
      - Of a node of an Exchange 5.5 cluster, what each other node told a moment ago (C(node) of O(state=observed)).
      - Nothing is started there while something is being installed on another node or that is not known; a service
        pack only where the node that owns the group of Exchange has it already, or is this one; a hotfix only where
        this node owns the group and Exchange's resources are offline.
    type: list
    elements: dict
    default: []
  timeout:
    description:
      - Seconds to wait for the end of setup.
    type: int
    default: 7200
  database_timeout:
    description:
      - Seconds to wait while services of Exchange are starting, above all a store that upgrades its databases on a new
        version, which can take hours.
    type: int
    default: 14400
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.update
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.exchange_info
  - module: mailops.exchange.host_restart
  - module: mailops.exchange.update_package
  - module: mailops.exchange.virtual_server
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Install the update
  mailops.exchange.update_install:
    update: exchange2003-sp2
    catalogue:
      - our-updates.yml
    account: 'CONTOSO\exsetup'
    password: "{{ vault_exsetup_password }}"
    timeout: 5400
  register: installed

- name: Restart only if setup asked for it
  mailops.exchange.host_restart:
    reason: Exchange 2003 service pack 2
    required: "{{ installed.restart_required }}"

- name: Remove the job
  mailops.exchange.update_install:
    update: exchange2003-sp2
    state: cleared
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: Exchange Server 2003 Service Pack 2 is installed. A restart is needed.
restart_required:
  description:
    - Whether a restart is needed that has not been made yet, because setup asked for it or because C(restart) of
      the catalogue says so.
    - Null in check mode where only setup can tell.
  returned: success or failure of the installation
  type: bool
  sample: true
boot_time:
  description:
    - When Windows was started as the installation began, as M(mailops.exchange.host_restart) takes it. An installer
      that restarts the host itself needs no second restart.
  returned: success or failure of the installation
  type: str
  sample: "20261122101500.500000+060"
exit_code:
  description:
    - Exit code of setup; null where a person ran it or it was there already. On failure of a command, that of the
      command.
  returned: success or failure of the installation
  type: int
  sample: 3010
installation:
  description: How far the installer's job has come on the host.
  returned: success or failure of the installation
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
  sample:
    phase: finished
    exit_code: 3010
    restart_pending: true
method:
  description: How setup was run, V(command) or V(operator).
  returned: success or failure of the installation
  type: str
  sample: command
log_lines:
  description: Lines of the log of setup that tell how it went, the last ones.
  returned: success or failure of the installation
  type: list
  elements: str
  sample:
    - "[21:44:12] Setup has completed successfully"
problems:
  description: What went wrong.
  returned: success or failure of the installation
  type: list
  elements: dict
  contains:
    host:
      description: The host.
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
  sample: []
node:
  description: What this node tells the installation on another one.
  returned: with O(state=observed)
  type: dict
  contains:
    node:
      description: Its computer name.
      type: str
      returned: always
    installing:
      description: What installs something on it right now.
      type: list
      elements: str
      returned: always
    exchange:
      description: Its C(product), C(service_pack), C(build) and C(hotfixes).
      type: dict
      returned: always
    cluster:
      description: The cluster as it sees it, as M(mailops.exchange.cluster_info) returns it.
      type: dict
      returned: always
  sample:
    node: N1
    installing: []
    exchange:
      product: "5.5"
      service_pack: 4
      build: 2653
      hotfixes: []
    cluster:
      service: running
events:
  description:
    - When the group of Exchange 5.5 went offline and came online, for the outages in the change record; setup of a
      service pack does both on the node that owns it.
  returned: when something happened
  type: list
  elements: dict
  contains:
    virtual_server:
      description: The group.
      type: str
      returned: always
    event:
      description: V(offline) or V(online).
      type: str
      returned: always
    at:
      description: When, in seconds since 1970 by the clock of the session.
      type: float
      returned: always
  sample:
    - virtual_server: Exchange
      event: offline
      at: 1795381462.5
exchange:
  description: What the host is now, as M(mailops.exchange.exchange_info) returns it.
  returned: success or failure of the installation
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
before:
  description: The level as it was found.
  returned: success
  type: dict
  sample:
    service_pack: 1
    build: 7226
    hotfixes:
      - KB831464
after:
  description: The level after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    service_pack: 2
    build: 7638
    hotfixes:
      - KB831464
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
  description: What a command wrote.
  returned: on failure of a command
  type: str
  sample: "ERROR: The parameter is incorrect."
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
