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

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.mailops.exchange.plugins.plugin_utils._connection import HostConnection, NoModules, text
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Session
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import WinrmSession
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm_transport import Endpoint, silence

_NO_MODULES = (
    "modules cannot run on this host and files cannot be copied to it, because it has neither Python nor a PowerShell "
    "that Ansible could use: use the actions of mailops.exchange or ansible.builtin.raw, and gather_facts: false"
)


class Connection(HostConnection):
    """Sessions by WS-Management."""

    transport = "mailops.exchange.winrm"
    module_implementation_preferences = NoModules(_NO_MODULES)

    def make_session(self, address: str, trace: Callable[[str], None], **common: Any) -> WinrmSession:
        """A shell of the host's own; the libraries' words go to the trace."""
        silence(trace)
        return WinrmSession(self._endpoint(address), trace=trace, **common)

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
            user=text(user),
            password=text(password),
            auth=auth,
            cert_validation=validation,
            certificate_pem=text(option("certificate_pem")),
            certificate_key_pem=text(option("certificate_key_pem")),
            certificate_key_password=text(option("certificate_key_password")),
            message_encryption=str(option("message_encryption")),
            kerberos_delegation=bool(option("kerberos_delegation")),
            kerberos_hostname=text(option("kerberos_hostname_override")),
            kerberos_service=str(option("kerberos_service")),
            connection_timeout=int(option("connection_timeout")),
            operation_timeout=int(option("operation_timeout")),
            read_timeout=int(option("read_timeout")),
            codepage=int(option("codepage")),
        )

    def put_file(self, in_path: str, out_path: str) -> None:
        """No files this way."""
        raise AnsibleError(_NO_MODULES)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """No files this way."""
        raise AnsibleError(_NO_MODULES)
