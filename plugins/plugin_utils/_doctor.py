# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's steps beyond the channel: libraries, Exchange, accounts, share, directory; the table of all steps."""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import metadata
from typing import Any

from .exchange.directory import Directory
from .exchange.info import read_exchange
from .exchange.package import share_is_readable
from .hosts.diagnosis import Finding, of_error
from .hosts.errors import HostError, ReadOnlyViolation
from .hosts.examination import examine
from .hosts.session import Session

# Distribution -> the module that is imported, the release that is needed at least, and what it is for.
LIBRARIES = {
    "ansible-core": ("ansible", "2.18", "everything"),
    "pypsrp": ("pypsrp", "", "the channel winrm"),
    "pyspnego": ("spnego", "", "logons"),
    "requests": ("requests", "", "the channel winrm"),
    "cryptography": ("cryptography", "", "encryption of messages"),
    "ldap3": ("ldap3", "2.9.1", "the directory"),
    "impacket": ("impacket", "", "the channel rpc"),
}
_OF_CHANNEL = {"winrm": ("pypsrp", "pyspnego", "requests", "cryptography"), "rpc": ("impacket", "cryptography")}
_HOST_STEPS = ("rights", "windows", "clock", "code_page", "tools", "exchange", "setup_account", "share")
_TITLES = {"code_page": "Code page", "tools": "Programs", "setup_account": "Setup account", "share": "Package share"}
WIDTH = 110
_RESULT, _TITLE = 8, 22


def libraries(channel: str, *, directory: bool) -> Iterator[Finding]:
    """The libraries on the control node. One that this host or the directory needs and that is missing has failed."""
    needed = {"ansible-core", *_OF_CHANNEL.get(channel, ()), *(("ldap3",) if directory else ())}
    for name, (module, least, use) in LIBRARIES.items():
        id_, title = f"library_{name.replace('-', '_')}", f"Library {name}"
        # What runs this is there; of another only an import tells, which a broken installation fails.
        problem = "" if name == "ansible-core" else _import_problem(module)
        version = _version(name)
        wanted = f"{name}>={least}" if least else name
        remedy = f"Install it for the Python that runs Ansible: pip install '{wanted}'"
        bad = "failed" if name in needed else "warning"
        if problem or version is None:
            yield Finding(id_, title, bad, f"missing, needed for {use}{f' ({problem})' if problem else ''}", remedy)
        elif least and _numbers(version) < _numbers(least):
            yield Finding(id_, title, bad, f"{version} is too old for {use}", remedy)
        else:
            yield Finding(id_, title, "ok", version)


def of_host(
    session: Session,
    *,
    reached: bool,
    setup_account: str | None,
    share: str | None,
    share_user: str | None,
    share_password: str | None,
) -> Iterator[Finding]:
    """What the host itself tells; skipped where the logon failed."""
    if not reached:
        for id_ in _HOST_STEPS:
            yield Finding(id_, _TITLES.get(id_, id_.capitalize()), "skipped", "the host was not reached")
        return
    yield from examine(session)
    steps: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("exchange", partial(exchange, session)),
        ("setup_account", partial(setup_rights, session, setup_account)),
        ("share", partial(package_share, session, share, share_user, share_password)),
    )
    for id_, step in steps:
        try:
            yield step()
        except HostError as error:
            yield of_error(id_, _TITLES.get(id_, id_.capitalize()), error)


def exchange(session: Session) -> Finding:
    """Which Exchange the host has."""
    found = read_exchange(session)
    if not found["installed"]:
        remedy = "Take the host out of exchange_servers, unless Exchange is still to be installed."
        return Finding("exchange", "Exchange", "warning", "Exchange is not installed", remedy)
    pack = f"service pack {found['service_pack']}" if found["service_pack"] else "no service pack"
    node = ", a cluster node" if found["clustered"] else ""
    return Finding("exchange", "Exchange", "ok", f"Exchange {found['product']}, {pack}, build {found['build']}{node}")


def setup_rights(session: Session, account: str | None) -> Finding:
    """Whether the setup account is an administrator of the host, as far as its local group tells."""
    title = _TITLES["setup_account"]
    if not account:
        remedy = "Set mailops_exchange_setup_user to an account that is Exchange Full Administrator."
        return Finding("setup_account", title, "skipped", "no setup account is given", remedy)
    members = session.administrators()
    rest = "that it is Exchange Full Administrator and may log on as a batch job shows with the installation only"
    if members is None:
        return Finding("setup_account", title, "warning", f"the host does not tell its administrators; {rest}")
    name = re.split(r"[\\@]", account)
    own = (name[1] if "\\" in account else name[0]).casefold()
    if any(member.rpartition("\\")[2].casefold() == own for member in members):
        return Finding("setup_account", title, "ok", f"{account} is an administrator of the host; {rest}")
    groups = [member for member in members if "\\" in member]
    if groups:
        seen = (
            f"{account} is not itself among the administrators of the host, {', '.join(groups)} are: see whether one of"
        )
        return Finding("setup_account", title, "ok", f"{seen} these is a group that it belongs to; {rest}")
    remedy = "Make the setup account a member of the host's local Administrators group."
    return Finding("setup_account", title, "failed", f"{account} is no administrator of the host", remedy)


def package_share(session: Session, share: str | None, user: str | None, password: str | None) -> Finding:
    """Whether the host can read the share with the packages as the share user."""
    title = _TITLES["share"]
    if not share:
        return Finding("share", title, "skipped", "no share with packages is given")
    try:
        problem = share_is_readable(session, share, user, password)
    except ReadOnlyViolation:
        return Finding("share", title, "skipped", "in check mode the share is not connected to")
    if problem:
        remedy = "See the path, the account that opens the share, and its rights on the share and on the files."
        return Finding("share", title, "failed", problem, remedy)
    return Finding("share", title, "ok", f"{share} can be read{f' as {user}' if user else ''}")


def directory(options: Mapping[str, Any] | None, *, old: bool = False) -> Finding:
    """Whether the directory can be read from the control node. ``old``: for Exchange 5.5, which has one of its own."""
    if not options or not options.get("uri"):
        remedy = "Set mailops_exchange_directory where clusters or Active Directory Connector are to be updated."
        return Finding("directory", "Directory", "skipped", "no directory is given", remedy)
    try:
        servers = Directory(**options).servers()
    except HostError as error:
        return of_error("directory", "Directory", error)
    if not servers and old:
        seen = f"{options['uri']} answers; it shows no Exchange server, and Exchange 5.5 has a directory of its own"
        return Finding("directory", "Directory", "ok", seen)
    if not servers:
        remedy = "See whether the account may read the configuration of Exchange, and whether it is the right forest."
        return Finding("directory", "Directory", "failed", f"{options['uri']} shows no Exchange server", remedy)
    return Finding(
        "directory", "Directory", "ok", f"{options['uri']} shows {_counted(len(servers), 'Exchange server')}"
    )


def setup_logon(options: Mapping[str, Any] | None, account: str | None, password: str | None) -> Finding:
    """Whether the domain lets the setup account in, with the password that its job is given."""
    title = "Setup logon"
    if not options or not options.get("uri") or not account or not password or not _of_domain(account):
        remedy = (
            "Set mailops_exchange_directory, mailops_exchange_setup_user (DOMAIN\\name) and "
            "mailops_exchange_setup_password."
        )
        seen = "no directory, or no setup account of a domain, is given"
        return Finding("setup_logon", title, "skipped", seen, remedy)
    try:
        problem = Directory(**options).logon_problem(account, password)
    except HostError as error:
        return Finding("setup_logon", title, "warning", f"cannot be told: {error.message}", error.remedy)
    if problem:
        remedy = (
            "Put the account right in the domain, or correct mailops_exchange_setup_user and "
            "mailops_exchange_setup_password."
        )
        return Finding("setup_logon", title, "failed", f"the domain does not let {account} in: {problem}", remedy)
    return Finding("setup_logon", title, "ok", f"the domain lets {account} in")


def _of_domain(account: str) -> bool:
    return (account.rpartition("\\")[0] or account.partition("@")[2]) not in ("", ".")


def table(host: str, findings: Sequence[Finding]) -> list[str]:
    """The findings as lines for the terminal."""
    lines = [f"{host}:"]
    for finding in findings:
        head = f"  {finding.result:<{_RESULT}} {finding.title:<{_TITLE}} "
        lines += textwrap.wrap(finding.seen, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) or [
            head.rstrip()
        ]
        if finding.remedy and finding.result != "ok":
            indent = " " * len(head)
            lines += textwrap.wrap(f"do: {finding.remedy}", WIDTH, initial_indent=indent, subsequent_indent=indent)
    return lines


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def verdict(failed: Sequence[Finding]) -> str:
    """What failed, in a sentence or two."""
    first = failed[0].seen.rstrip(".")
    return f"{_counted(len(failed), 'step')} failed: {', '.join(each.id for each in failed)}. The first: {first}."


def _import_problem(module: str) -> str:
    try:
        importlib.import_module(module)
    except Exception as error:
        # A library that is broken raises whatever it likes.
        return " ".join(str(error).split())[:150] or type(error).__name__
    return ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
