# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection plugin: NT 4.0, Windows 2000 and Server 2003 by SMB 1 and MS-RPC."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rpc
short_description: NT 4.0, Windows 2000 and Server 2003 by SMB 1 and MS-RPC, without WinRM
version_added: 0.1.0
author:
  - the mailops.exchange contributors (@mailops-exchange)
description:
  - Works on these hosts as administrators' tools of their time did, over SMB 1 and the RPC interfaces behind it.
    Services, registry, event log, files, clock and restart go by interfaces that answer in numbers, whatever language
    the host speaks.
  - A command line is run by a temporary service that is gone afterwards, with the folder that it needs below
    C(C:\mailops\run). Nothing else is left on the host, and neither Python nor PowerShell is needed there.
  - The actions of this collection use it, and M(ansible.builtin.raw). Modules that would have to run on the host, among
    them M(ansible.builtin.command), M(ansible.builtin.copy) and M(ansible.builtin.setup), cannot work and are refused.
  - SMB 1 encrypts nothing. Where the host can sign its messages they are signed both ways and checked; the password is
    never sent, but what is read and written can be read on the way. See the guide on preparing servers.
requirements:
  - impacket on the control node
notes:
  - Set C(gather_facts) to V(false) for plays on these hosts.
  - C(become) is not possible; the account of the connection must be an administrator of the host.
  - In check mode the session changes nothing. Lines that only read, such as those for the state of a cluster, are still
    run by a temporary service, because there is no other way to them.
  - On Windows 2000 and Server 2003 the service Remote Registry has to run.
options:
  remote_addr:
    description: Name or address of the host.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: mailops_exchange_host
  host_name:
    description: What the host is called in messages.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
  port:
    description:
      - Port of the host's Server service. By default 445, and 139 where nothing listens there, as on NT 4.0.
      - On 139 a NetBIOS session is asked for first; on any other port SMB is spoken at once, unless O(netbios_name) is
        given.
    type: int
    vars:
      - name: ansible_port
      - name: mailops_exchange_port
    keyword:
      - name: port
  netbios_name:
    description:
      - The host's NetBIOS name, needed on port 139. By default the first part of O(host_name).
      - Where it is given, a NetBIOS session is asked for on any port but 445, as on one that is forwarded to 139.
    type: str
    vars:
      - name: mailops_exchange_netbios_name
  remote_user:
    description: Account, as V(DOMAIN\\name) or V(name), which is then an account of O(domain) or of the host.
    type: str
    vars:
      - name: ansible_user
      - name: mailops_exchange_user
    keyword:
      - name: remote_user
    cli:
      - name: user
        option: --user
  domain:
    description: Domain of the account, where O(remote_user) does not name it.
    type: str
    vars:
      - name: mailops_exchange_domain
  password:
    description: Its password.
    type: str
    vars:
      - name: ansible_password
      - name: mailops_exchange_password
  signing:
    description:
      - With V(when_possible) messages are signed where the host offers it. With V(required) a host that does not is not
        worked with.
      - NT 4.0 signs from service pack 3 on, once it is switched on there (C(EnableSecuritySignature)).
    type: str
    choices: [when_possible, required]
    default: when_possible
    vars:
      - name: mailops_exchange_signing
    env:
      - name: MAILOPS_EXCHANGE_SIGNING
    ini:
      - section: mailops_exchange
        key: signing
  ntlm:
    description:
      - The weakest logon that is sent. V(v1) is meant for an NT 4.0 before service pack 4 alone, or one that is set to
        refuse V(v2); who listens can find the password out. Windows 2000 and later always get V(v2).
    type: str
    choices: [v2, v1]
    default: v2
    vars:
      - name: mailops_exchange_ntlm
  connection_timeout:
    description: Seconds until a host that does not answer at all is given up.
    type: int
    default: 30
    vars:
      - name: mailops_exchange_connection_timeout
    env:
      - name: MAILOPS_EXCHANGE_CONNECTION_TIMEOUT
    ini:
      - section: mailops_exchange
        key: connection_timeout
  read_timeout:
    description: Seconds until an answer that does not come is given up.
    type: int
    default: 60
    vars:
      - name: mailops_exchange_read_timeout
  command_timeout:
    description: Seconds that a command line of M(ansible.builtin.raw) may take.
    type: int
    default: 3600
    vars:
      - name: mailops_exchange_command_timeout
  codepage:
    description:
      - OEM code page of the host's console. V(0) takes it from the host's registry, when it is first needed.
    type: int
    default: 0
    vars:
      - name: mailops_exchange_codepage
  poll_interval:
    description: Seconds between two looks at a state that is waited for.
    type: float
    default: 10
    vars:
      - name: mailops_exchange_poll_interval
    env:
      - name: MAILOPS_EXCHANGE_POLL_INTERVAL
    ini:
      - section: mailops_exchange
        key: poll_interval
  time_scale:
    description:
      - How many seconds pass on the host in one real second. Always V(1), except in rehearsals on a simulated estate.
    type: float
    default: 1
    vars:
      - name: mailops_exchange_time_scale
"""

EXAMPLES = r"""
- name: An inventory group of older mail servers
  # inventory.yml
  old_mail_servers:
    hosts:
      nt1: {ansible_host: nt1.contoso.example, ansible_port: 139}
      w2k1: {ansible_host: w2k1.contoso.example}
    vars:
      ansible_connection: mailops.exchange.rpc
      ansible_user: CONTOSO\exadmin
      ansible_password: "{{ vault_exadmin_password }}"

- name: What the host calls itself
  ansible.builtin.raw: ver
  changed_when: false
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.mailops.exchange.plugins.plugin_utils._connection import HostConnection, NoModules, text
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession

_NO_MODULES = (
    "modules cannot run on this host, because it has neither Python nor a PowerShell that Ansible could use: use the "
    "actions of mailops.exchange or ansible.builtin.raw, and gather_facts: false"
)


class Connection(HostConnection):
    """Sessions by SMB 1 and MS-RPC, which copy files too."""

    transport = "mailops.exchange.rpc"
    module_implementation_preferences = NoModules(_NO_MODULES)

    def make_session(self, address: str, trace: Callable[[str], None], **common: Any) -> RpcSession:
        """One connection for files and calls."""
        return RpcSession(self._endpoint(address), trace=trace, **common)

    def _endpoint(self, address: str) -> Endpoint:
        option = self.get_option
        user, password = text(option("remote_user")), text(option("password"))
        if not (user and password):
            missing = "ansible_password (or -k)" if user else "ansible_user (or -u)"
            raise AnsibleError(f"the logon needs {missing}")
        domain = text(option("domain"))
        if domain and "\\" not in user and "@" not in user:
            user = f"{domain}\\{user}"
        port = option("port")
        return Endpoint(
            address=address,
            user=user,
            password=password,
            port=int(port) if port else None,
            netbios_name=text(option("netbios_name")) or "",
            signing=str(option("signing")),
            ntlm=str(option("ntlm")),
            connection_timeout=int(option("connection_timeout")),
            read_timeout=int(option("read_timeout")),
            codepage=int(option("codepage")),
        )

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file to the host; one that was begun before is gone on with."""
        with self.told():
            self.own_session().put_file(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from the host."""
        with self.told():
            self.own_session().get_file(in_path, out_path)
