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
      - On 139 a NetBIOS session is asked for first; on any other port SMB is spoken at once.
    type: int
    vars:
      - name: ansible_port
      - name: mailops_exchange_port
    keyword:
      - name: port
  netbios_name:
    description: The host's NetBIOS name, needed on port 139. By default the first part of O(host_name).
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

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock, RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError, Unreachable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import explain

display = Display()

_NO_MODULES = (
    "modules cannot run on this host, because it has neither Python nor a PowerShell that Ansible could use: use the "
    "actions of mailops.exchange or ansible.builtin.raw, and gather_facts: false"
)
_NO_BECOME = "become is not possible over mailops.exchange.rpc: connect with an account that is an administrator"


class _NoModules:
    """Gone through only when a module is about to be built for the host: the moment to say that none can run."""

    def __iter__(self) -> Iterator[str]:
        raise AnsibleError(_NO_MODULES)


class Connection(ConnectionBase):
    """Opens sessions for the collection's actions, runs command lines for ansible.builtin.raw, and copies files."""

    transport = "mailops.exchange.rpc"
    has_pipelining = False
    allow_executable = False
    module_implementation_preferences = _NoModules()
    has_tty = False
    _shell_type = "cmd"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Nothing is opened yet."""
        super().__init__(*arguments, **options)
        self._sessions: list[RpcSession] = []
        self._own: RpcSession | None = None
        # What copies files begins with a temporary folder on the host, made by the shell plugin's command.
        for name in ("mkdtemp", "expand_user"):
            setattr(self._shell, name, _refuse)

    def set_become_plugin(self, plugin: Any) -> None:
        """No become here."""
        if plugin is not None:
            raise AnsibleError(_NO_BECOME)
        self.become = None

    # ---- sessions ----------------------------------------------------------------------------------

    def open_session(self, read_only: bool, progress: Callable[[str], None] | None = None) -> RpcSession:
        """A session to the host; what it needs is sent when it is first used. Raises HostError."""
        host = str(self.get_option("remote_addr"))
        name = str(self.get_option("host_name"))

        def trace(text: str) -> None:
            display.vvv(text, host=name)

        session = RpcSession(
            self._endpoint(host),
            host=name,
            read_only=read_only,
            clock=self._clock(),
            poll_interval=float(self.get_option("poll_interval")),
            progress=progress,
            trace=trace,
        )
        self._sessions.append(session)
        if isinstance(session.clock, RehearsalClock):
            session.hello()
        return session

    def _clock(self) -> Clock:
        scale = float(self.get_option("time_scale"))
        if math.isnan(scale) or scale <= 0:
            raise AnsibleError("the option time_scale must be more than 0")
        return Clock() if scale == 1 else RehearsalClock(scale)

    def _endpoint(self, address: str) -> Endpoint:
        option = self.get_option
        user, password = _text(option("remote_user")), _text(option("password"))
        if not (user and password):
            missing = "ansible_password (or -k)" if user else "ansible_user (or -u)"
            raise AnsibleError(f"the logon needs {missing}")
        domain = _text(option("domain"))
        if domain and "\\" not in user and "@" not in user:
            user = f"{domain}\\{user}"
        port = option("port")
        return Endpoint(
            address=address,
            user=user,
            password=password,
            port=int(port) if port else None,
            netbios_name=_text(option("netbios_name")) or "",
            signing=str(option("signing")),
            ntlm=str(option("ntlm")),
            connection_timeout=int(option("connection_timeout")),
            read_timeout=int(option("read_timeout")),
            codepage=int(option("codepage")),
        )

    # ---- what Ansible calls -------------------------------------------------------------------------

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command line for ansible.builtin.raw: exit code and both outputs, as UTF-8."""
        if in_data:
            raise AnsibleError(_NO_MODULES)
        line = str(cmd).strip()
        if "\n" in line:
            raise AnsibleError("ansible.builtin.raw runs one line here: put several commands on it with & or &&")
        with self._told():
            output = self._session().run(
                line,
                changes=True,
                timeout=float(self.get_option("command_timeout")),
                # With no_log not even the command line is shown with -vvv.
                secrets=[line] if getattr(self._play_context, "no_log", False) else [],
            )
        return output.exit_code, output.stdout.encode(), output.stderr.encode()

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file to the host; one that was begun before is gone on with."""
        with self._told():
            self._session().put_file(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from the host."""
        with self._told():
            self._session().get_file(in_path, out_path)

    def _session(self) -> RpcSession:
        """The session of raw and of copied files, which is not read-only: Ansible skips both in check mode."""
        if self._own is None:
            self._own = self.open_session(read_only=False)
        return self._own

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong, in Ansible's words."""
        try:
            yield
        except Unreachable as error:
            raise AnsibleConnectionFailure(explain(error)) from None
        except HostError as error:
            # Ansible would append every cause to the sentence; the details are in the trace (-vvv).
            raise AnsibleError(explain(error)) from None

    def reset(self) -> None:
        """For meta: reset_connection. Nothing outlives a task, so hanging up is all there is to do."""
        self.close()

    def close(self) -> None:
        """Close every session that was opened here."""
        for session in self._sessions:
            session.close()
        self._sessions = []
        self._own = None
        self._connected = False


def _text(value: Any) -> str | None:
    # Options are tagged strings in newer releases; the libraries get plain ones.
    return None if value in (None, "") else str(value)


def _refuse(*arguments: Any, **options: Any) -> str:
    raise AnsibleError(_NO_MODULES)
