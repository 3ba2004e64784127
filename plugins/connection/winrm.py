# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection plugin: Windows Server 2003 by WS-Management."""

from __future__ import annotations

DOCUMENTATION = r"""
name: winrm
short_description: Windows Server 2003 by WinRM 1.1 or 2.0, without PowerShell
version_added: 0.1.0
author:
  - the mailops.exchange contributors (@mailops-exchange)
description:
  - Runs command lines of C(cmd.exe) in a WS-Management shell, which is what Windows Server 2003 offers once WinRM 1.1
    (KB936059) or 2.0 (KB968930) is installed. Nothing is copied to the host, and neither Python nor PowerShell is
    needed there.
  - The actions of this collection use it, and M(ansible.builtin.raw). Modules that would have to run on the host,
    among them M(ansible.builtin.command) and M(ansible.builtin.setup), cannot work and are refused.
  - Messages are encrypted, over HTTP by the logon's own keys. Without encryption nothing is sent, so the basic logon
    is not offered.
requirements:
  - pypsrp on the control node (with its extra C(kerberos) for the Kerberos logon)
notes:
  - Set C(gather_facts) to V(false) for plays on these hosts.
  - C(become) is not possible; the account of the connection must be an administrator of the host.
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
      - Port of the host's WinRM listener. By default 5985, or 5986 where O(scheme) is V(https).
      - WinRM 1.1 listens on 80 and 443 unless it was told otherwise.
    type: int
    vars:
      - name: ansible_port
      - name: mailops_exchange_port
    keyword:
      - name: port
  remote_user:
    description: Account, as V(DOMAIN\\name) or, for Kerberos, V(name@DOMAIN.EXAMPLE).
    type: str
    vars:
      - name: ansible_user
      - name: mailops_exchange_user
    keyword:
      - name: remote_user
    cli:
      - name: user
        option: --user
  password:
    description:
      - Its password. It may be left out with O(transport=kerberos), which then uses an existing ticket.
    type: str
    vars:
      - name: ansible_password
      - name: mailops_exchange_password
  scheme:
    description:
      - V(https) needs a listener with a certificate on the host. Server 2003 speaks TLS 1.0 at most, which the control
        node's OpenSSL may refuse. V(http) is not plain text, the messages in it are encrypted.
    type: str
    choices: [http, https]
    default: http
    vars:
      - name: mailops_exchange_scheme
      - name: ansible_winrm_scheme
    env:
      - name: MAILOPS_EXCHANGE_SCHEME
    ini:
      - section: mailops_exchange
        key: scheme
  path:
    description: Path of the WinRM service on the host.
    type: str
    default: wsman
    vars:
      - name: mailops_exchange_path
      - name: ansible_winrm_path
  transport:
    description:
      - How to log on. V(certificate) needs O(scheme=https).
    type: str
    choices: [ntlm, kerberos, certificate]
    default: ntlm
    vars:
      - name: mailops_exchange_transport
    env:
      - name: MAILOPS_EXCHANGE_TRANSPORT
    ini:
      - section: mailops_exchange
        key: transport
  message_encryption:
    description:
      - With V(auto) the messages are encrypted by the logon's keys over HTTP, and by TLS alone over HTTPS; with
        V(always) by both over HTTPS.
    type: str
    choices: [auto, always]
    default: auto
    vars:
      - name: mailops_exchange_message_encryption
      - name: ansible_winrm_message_encryption
  cert_validation:
    description: Whether the host's certificate is checked, with O(scheme=https).
    type: str
    choices: [validate, ignore]
    default: validate
    vars:
      - name: mailops_exchange_cert_validation
      - name: ansible_winrm_server_cert_validation
    env:
      - name: MAILOPS_EXCHANGE_CERT_VALIDATION
    ini:
      - section: mailops_exchange
        key: cert_validation
  ca_trust_path:
    description: PEM file with the certificates to trust; by default those that Python trusts.
    type: path
    vars:
      - name: mailops_exchange_ca_trust_path
      - name: ansible_winrm_ca_trust_path
    env:
      - name: MAILOPS_EXCHANGE_CA_TRUST_PATH
    ini:
      - section: mailops_exchange
        key: ca_trust_path
  certificate_pem:
    description: PEM file with the client certificate, for O(transport=certificate).
    type: path
    vars:
      - name: mailops_exchange_certificate_pem
      - name: ansible_winrm_cert_pem
  certificate_key_pem:
    description: PEM file with the client certificate's key.
    type: path
    vars:
      - name: mailops_exchange_certificate_key_pem
      - name: ansible_winrm_cert_key_pem
  certificate_key_password:
    description: Password of that key, when it has one.
    type: str
    vars:
      - name: mailops_exchange_certificate_key_password
  kerberos_hostname_override:
    description: Name of the host in its service principal, when it is not O(remote_addr).
    type: str
    vars:
      - name: mailops_exchange_kerberos_hostname_override
      - name: ansible_winrm_kerberos_hostname_override
  kerberos_service:
    description: Service part of the host's service principal.
    type: str
    default: HTTP
    vars:
      - name: mailops_exchange_kerberos_service
  kerberos_delegation:
    description: Whether the host may pass the logon on to other servers. Nothing in this collection needs it.
    type: bool
    default: false
    vars:
      - name: mailops_exchange_kerberos_delegation
      - name: ansible_winrm_kerberos_delegation
  connection_timeout:
    description: Seconds until a host that does not answer at all is given up.
    type: int
    default: 30
    vars:
      - name: mailops_exchange_connection_timeout
      - name: ansible_winrm_connection_timeout
    env:
      - name: MAILOPS_EXCHANGE_CONNECTION_TIMEOUT
    ini:
      - section: mailops_exchange
        key: connection_timeout
  operation_timeout:
    description: Seconds after which the host answers a question for output even when there is none yet.
    type: int
    default: 20
    vars:
      - name: mailops_exchange_operation_timeout
      - name: ansible_winrm_operation_timeout_sec
  read_timeout:
    description: Seconds until an answer that does not come is given up; more than O(operation_timeout).
    type: int
    default: 30
    vars:
      - name: mailops_exchange_read_timeout
      - name: ansible_winrm_read_timeout_sec
  smb_port:
    description: Port of the host's Server service, for packages that are copied by SMB. By default 445, else 139.
    type: int
    vars:
      - name: mailops_exchange_smb_port
  command_timeout:
    description: Seconds that a command line of M(ansible.builtin.raw) may take.
    type: int
    default: 3600
    vars:
      - name: mailops_exchange_command_timeout
  codepage:
    description:
      - OEM code page of the host's console. V(0) asks the host, once in each task.
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
- name: An inventory group of mail servers
  # inventory.yml
  mail_servers:
    hosts:
      n1: {ansible_host: n1.contoso.example}
      n2: {ansible_host: n2.contoso.example}
    vars:
      ansible_connection: mailops.exchange.winrm
      ansible_user: CONTOSO\exadmin
      ansible_password: "{{ vault_exadmin_password }}"
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock, RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError, Unreachable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Session, explain
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import WinrmSession
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm_transport import (
    Endpoint,
    silence,
)

display = Display()

_NO_MODULES = (
    "modules cannot run on this host and files cannot be copied to it, because it has neither Python nor a PowerShell "
    "that Ansible could use: use the actions of mailops.exchange or ansible.builtin.raw, and gather_facts: false"
)
_NO_BECOME = "become is not possible over mailops.exchange.winrm: connect with an account that is an administrator"


class _NoModules:
    """Gone through only when a module is about to be built for the host: the moment to say that none can run."""

    def __iter__(self) -> Iterator[str]:
        raise AnsibleError(_NO_MODULES)


class Connection(ConnectionBase):
    """Opens sessions for the collection's actions, and runs single command lines for ansible.builtin.raw."""

    transport = "mailops.exchange.winrm"
    has_pipelining = False
    allow_executable = False
    module_implementation_preferences = _NoModules()
    has_tty = False
    _shell_type = "cmd"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Nothing is opened yet."""
        super().__init__(*arguments, **options)
        self._sessions: list[Session] = []
        self._own: Session | None = None
        # What copies files begins with a temporary folder on the host, made by the shell plugin's command.
        for name in ("mkdtemp", "expand_user"):
            setattr(self._shell, name, _refuse)

    def set_become_plugin(self, plugin: Any) -> None:
        """No become here."""
        if plugin is not None:
            raise AnsibleError(_NO_BECOME)
        self.become = None

    # ---- sessions ----------------------------------------------------------------------------------

    def open_session(self, read_only: bool, progress: Callable[[str], None] | None = None) -> Session:
        """A session to the host; what it needs is sent when it is first used. Raises HostError."""
        host = str(self.get_option("remote_addr"))
        name = str(self.get_option("host_name"))

        def trace(text: str) -> None:
            display.vvv(text, host=name)

        silence(trace)
        session = WinrmSession(
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

    def open_files(self, session: Session) -> Session:
        """A session to the same host by SMB, for copying files to it. Raises HostError."""
        # Only who wants this needs its library.
        from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import open_files

        user, password, port = (self.get_option(name) for name in ("remote_user", "password", "smb_port"))
        if not (user and password):
            raise AnsibleError("copying by SMB needs ansible_user and ansible_password")
        return open_files(
            str(self.get_option("remote_addr")),
            str(user),
            str(password),
            host=session.host,
            port=int(port) if port else None,
            read_only=session.read_only,
            clock=session.clock,
            progress=session._tell,
        )

    def _clock(self) -> Clock:
        scale = float(self.get_option("time_scale"))
        if math.isnan(scale) or scale <= 0:
            raise AnsibleError("the option time_scale must be more than 0")
        return Clock() if scale == 1 else RehearsalClock(scale)

    def _endpoint(self, address: str) -> Endpoint:
        option = self.get_option
        scheme, auth = str(option("scheme")), str(option("transport"))
        user, password = option("remote_user"), option("password")
        if auth == "ntlm" and not (user and password):
            missing = "ansible_password (or -k)" if user else "ansible_user (or -u)"
            raise AnsibleError(f"the ntlm logon needs {missing}")
        if auth == "certificate" and scheme != "https":
            raise AnsibleError("transport certificate needs scheme https")
        if int(option("read_timeout")) <= int(option("operation_timeout")):
            raise AnsibleError("the option read_timeout must be more than operation_timeout")
        trusted = option("ca_trust_path")
        validation: bool | str = option("cert_validation") == "validate"
        if validation and trusted:
            validation = str(trusted)
        return Endpoint(
            address=address,
            port=int(option("port") or (5986 if scheme == "https" else 5985)),
            scheme=scheme,
            path=str(option("path")),
            user=_text(user),
            password=_text(password),
            auth=auth,
            cert_validation=validation,
            certificate_pem=_text(option("certificate_pem")),
            certificate_key_pem=_text(option("certificate_key_pem")),
            certificate_key_password=_text(option("certificate_key_password")),
            message_encryption=str(option("message_encryption")),
            kerberos_delegation=bool(option("kerberos_delegation")),
            kerberos_hostname=_text(option("kerberos_hostname_override")),
            kerberos_service=str(option("kerberos_service")),
            connection_timeout=int(option("connection_timeout")),
            operation_timeout=int(option("operation_timeout")),
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
        try:
            if self._own is None:
                self._own = self.open_session(read_only=False)
            output = self._own.run(
                line,
                changes=True,
                timeout=float(self.get_option("command_timeout")),
                # With no_log not even the command line is shown with -vvv.
                secrets=[line] if getattr(self._play_context, "no_log", False) else [],
            )
        except Unreachable as error:
            raise AnsibleConnectionFailure(explain(error)) from None
        except HostError as error:
            # Ansible would append every cause to the sentence; the details are in the trace (-vvv).
            raise AnsibleError(explain(error)) from None
        return output.exit_code, output.stdout.encode(), output.stderr.encode()

    def put_file(self, in_path: str, out_path: str) -> None:
        """No files this way."""
        raise AnsibleError(_NO_MODULES)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """No files this way."""
        raise AnsibleError(_NO_MODULES)

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
