# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's steps on a host that takes the logon: rights, Windows, clock, code page, programs. Nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from .diagnosis import Finding, of_error
from .errors import HostError, Unreadable
from .models import RegistryValues
from .session import Session

# Only administrators may read it, on XP and later, where it always is [R].
_PRIVILEGED = r"HKU\S-1-5-19"
_WINDOWS = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_CODE_PAGE = r"HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage"
_CLUSTER = "ClusSvc"
_NOT_THERE = 9009
"""ERRORLEVEL of cmd.exe for a program that it does not find [V]."""
SKEW_FAILED, SKEW_WARNING = 300.0, 60.0
"""Seconds. Kerberos takes five minutes at most [V]."""
# Program -> a line of it that changes nothing and asks nothing, and what it is needed for.
TOOLS = {
    "reg": ("reg query HKLM\\SOFTWARE", "reading the registry"),
    "sc": ("sc query Eventlog", "services"),
    "wmic": ("wmic /? <nul", "boot time, clock, event log, file versions"),
    "schtasks": ("schtasks /query", "long installations"),
    "tasklist": ("tasklist /?", "running programs"),
    "cluster": ("cluster /?", "the cluster"),
    "certutil": ("certutil -?", "hashes of packages"),
    "fciv": ("fciv -?", "hashes of packages"),
    "nlb": ("nlb query", "Network Load Balancing"),
    "wlbs": ("wlbs query", "Network Load Balancing"),
}
_ALWAYS = ("reg", "sc", "wmic", "schtasks", "tasklist")
_SINCE = {**dict.fromkeys(_ALWAYS, "5.1"), "nlb": "5.2", "wlbs": "5.0"}
"""CurrentVersion of the first Windows that has a program of its own; before that, some stood in kits [R; nlb, wlbs: V,
KB 242242]."""


def examine(session: Session) -> Iterator[Finding]:
    """Every step, whatever the others find."""
    steps: tuple[tuple[str, str, Callable[[], Finding]], ...] = (
        ("rights", "Rights", partial(rights, session)),
        ("windows", "Windows", partial(windows, session)),
        ("clock", "Clock", partial(clock, session)),
        ("code_page", "Code page", partial(code_page, session)),
        ("tools", "Programs", partial(tools, session)),
    )
    for id_, title, step in steps:
        try:
            yield step()
        except HostError as error:
            yield of_error(id_, title, error)


def rights(session: Session) -> Finding:
    """Whether the account of the connection is an administrator of the host, told by what it may do, not by names."""
    found = session.registry_many([_PRIVILEGED, _WINDOWS])
    able = True if found[0] is not None else session.is_administrator()
    if able:
        return Finding("rights", "Rights", "ok", "the account is an administrator of the host")
    if able is None and _text(found[1], "currentversion") != "5.2":
        seen = "whether the account is an administrator shows with the first change only, on this Windows"
        return Finding("rights", "Rights", "warning", seen)
    remedy = "Make the account of the connection a member of the host's local Administrators group."
    return Finding("rights", "Rights", "failed", "the account is no administrator of the host", remedy)


def windows(session: Session) -> Finding:
    """Which Windows it is."""
    values = session.registry_values(_WINDOWS)
    if not values:
        raise Unreadable(f"the version of Windows cannot be read from {_WINDOWS}")
    parts = [_text(values, "productname"), _text(values, "csdversion"), _text(values, "currentversion")]
    number = _text(values, "currentbuildnumber")
    return Finding("windows", "Windows", "ok", ", ".join(filter(None, [*parts, f"build {number}" if number else ""])))


def clock(session: Session) -> Finding:
    """How far the host's clock is from the control node's."""
    here = session.clock.now()
    there = session.local_time()
    skew = there - here
    seen = f"{datetime.fromtimestamp(there, UTC):%Y-%m-%d %H:%M:%S} UTC, " + (
        "as here" if abs(skew) < 1 else f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the control node"
    )
    if abs(skew) < SKEW_WARNING:
        return Finding("clock", "Clock", "ok", seen)
    remedy = "Set the clocks by the domain: net time /set (2003: w32tm /resync) on the host, NTP on the control node."
    return Finding("clock", "Clock", "failed" if abs(skew) > SKEW_FAILED else "warning", seen, remedy)


def code_page(session: Session) -> Finding:
    """The OEM code page, in which the console writes."""
    number = _text(session.registry_values(_CODE_PAGE), "oemcp")
    session.learn_page()
    used = session.encoding
    if number and used in (f"cp{number}", "utf-8"):
        return Finding("code_page", "Code page", "ok", f"OEM code page {number}, read as {used}")
    seen = f"the host's OEM code page is {number or 'not told'}, and its output is read as {used}"
    remedy = "Take the option codepage (mailops_exchange_codepage) away, or set it to the host's code page."
    return Finding("code_page", "Code page", "warning", seen, remedy)


def tools(session: Session) -> Finding:
    """Which of the programs that this collection uses the host has.

    What this Windows never had is not missing there; and a channel that asks Windows itself needs none of those.
    """
    outputs = session.run_all([f"{line} >nul 2>nul" for line, unused in TOOLS.values()])
    there = [name for name, output in zip(TOOLS, outputs, strict=True) if output.exit_code != _NOT_THERE]
    version = _text(session.registry_values(_WINDOWS), "currentversion")
    foreign = [name for name in TOOLS if name not in there and version < _SINCE.get(name, "")]
    absent = [name for name in TOOLS if name not in (*there, *foreign)]
    needed = [name for name in _ALWAYS if name in absent] if session.by_programs else []
    service = session.services([_CLUSTER]).get(_CLUSTER)
    clustered = service is not None and service.start_type != "disabled"
    if clustered and "cluster" in absent:
        needed.append("cluster")
    seen = f"there: {', '.join(there) or 'none'}; not there: {', '.join(absent) or 'none'}"
    if foreign:
        seen += f"; not part of this Windows: {', '.join(foreign)}"
    if not session.by_programs:
        seen += "; this channel asks Windows itself and needs none of them but for a cluster and load balancing"
    if needed:
        uses = "; ".join(f"{name}: {TOOLS[name][1]}" for name in needed)
        return Finding("tools", "Programs", "failed", seen, f"Bring back what Windows has of its own ({uses}).")
    if not session.copies_files and not {"certutil", "fciv"} & set(there):
        remedy = (
            "Put a certutil.exe that knows -hashfile on the host, or prove packages by their size"
            " (mailops_exchange_verify_package: size)."
        )
        return Finding("tools", "Programs", "warning", f"{seen}; no program makes hashes of files", remedy)
    return Finding("tools", "Programs", "ok", seen)


def _text(values: RegistryValues | None, name: str) -> str:
    return next((str(data) for key, (unused, data) in (values or {}).items() if key.lower() == name), "")
