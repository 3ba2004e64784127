# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Active Directory Connector on its host: is it there, of which level, with whose map files.

A service pack of Exchange does not touch the connector, also not on the same server: its own setup stands in the
service pack's folder ``ADC\I386`` (KB 328839, G6). Where it runs with customised map files, the new ones have to be
customised before that setup runs (G7). ``connector_setup`` runs it; nothing here changes anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ..hosts.errors import CommandFailed, Refused
from ..hosts.session import Session
from .builds import load_data, version_tuple
from .host_notes import ROLL_FOLDER, read_json

NOTE = rf"{ROLL_FOLDER}\connector.json"
"""Stands there from before the connector's setup until its schema maps have been compared."""
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}


@cache
def facts() -> dict[str, Any]:
    """The table of the connector (data/connector.yml)."""
    table: dict[str, Any] = load_data("connector.yml")
    return table


@cache
def shipped_hashes() -> tuple[str, ...]:
    """The hashes of shipped map files that are known (data/connector_maps.yml)."""
    return tuple(load_data("connector_maps.yml")["shipped"])


def read_connector(
    session: Session,
    updates: Sequence[Mapping[str, Any]],
    shipped: Sequence[str] = (),
    given: Mapping[str, str | None] | None = None,
) -> dict[str, Any] | None:
    """The connector of a host; None where there is none.

    ``updates``: catalogue entries of the run; the last service pack among them that brings a connector of its kind says
    what it should be. ``shipped``: hashes of the map files as they were shipped, besides those that are known.
    ``given``: the customised new map files (``local``, ``remote``). The result:

    * ``installed`` (true), ``version`` of adc.exe, ``folder`` and ``program``, ``state`` of its service;
    * ``maps``: ``local`` and ``remote``, each shipped, custom or unknown (no such file, or no way to make its hash);
    * ``custom_maps``: true where one is customised, false where both are as shipped, null where it cannot be known;
    * ``maps_given``: whether a new file is given for each that is not as shipped;
    * ``update``: the service pack whose setup is meant, or null; ``due``: whether that is still to be run;
    * ``begun``: a run has begun with it, and has not compared the schema maps since; it then counts as due.
    """
    table, known = facts(), [*shipped_hashes(), *shipped]
    _check_hashes(shipped)
    asked = questions()
    (name,), (key,) = asked["services"], asked["values"]
    answers = session.ask(**asked)
    service = answers.services.get(name)
    if service is None:
        return None
    program = program_of(answers.registry.values[key] or {})
    version = session.file_version(program) if program else None
    folder = program.rpartition("\\")[0] if program else None
    maps = {kind: _kind_of(session, folder, file, known) for kind, file in table["files"].items()}
    custom = [kind for kind, found in maps.items() if found != "shipped"]
    update = meant(updates, version)
    note = read_json(session, NOTE)
    return {
        "installed": True,
        "version": version,
        "program": program,
        "folder": folder,
        "state": service.state,
        "maps": maps,
        "custom_maps": True if "custom" in maps.values() else None if custom else False,
        "maps_given": all((given or {}).get(kind) for kind in custom),
        "update": update["id"] if update else None,
        "due": note is not None or (update is not None and not reached(version, update)),
        "begun": note is not None,
    }


def questions() -> dict[str, list[str]]:
    """What ``read_connector`` asks first, as ``Session.ask`` takes it: the connector's service and its registry key."""
    name = facts()["service"]
    return {"values": [rf"HKLM\SYSTEM\CurrentControlSet\Services\{name}"], "services": [name]}


def program_of(values: Mapping[str, Any]) -> str | None:
    """The program of a service, from the values of its registry key; None where no full path of one stands there."""
    data = next((data for name, (unused, data) in values.items() if name.lower() == "imagepath"), None)
    found = re.match(r'\s*"?([A-Za-z]:\\[^"]*?\.exe)(?:"|\s|$)', str(data or ""), re.IGNORECASE)
    return found[1] if found else None


def meant(updates: Sequence[Mapping[str, Any]], version: str | None) -> Mapping[str, Any] | None:
    """The last service pack that brings a connector for one of this version; of any kind where that is not known."""
    own = facts()["products"].get(".".join((version or "").split(".")[:2]))
    fitting = [
        update
        for update in updates
        if update["kind"] == "service_pack"
        and update["product"] in ([own] if own else facts()["versions"])
        and least(update) is not None
    ]
    return fitting[-1] if fitting else None


def least(update: Mapping[str, Any]) -> str | None:
    """The lowest version of adc.exe that counts as that of a service pack; None where it brings none."""
    found = facts()["versions"].get(update["product"], {}).get(update["result"].get("service_pack"))
    return str(found) if found else None


def reached(version: str | None, update: Mapping[str, Any]) -> bool:
    """Whether a version of adc.exe is the one of a service pack, or later; one that is not known is not."""
    return version is not None and version_tuple(version) >= version_tuple(least(update) or "0")


def _kind_of(session: Session, folder: str | None, file: str, known: Sequence[str]) -> str:
    """Whether a map file is shipped, custom (as none that was shipped) or unknown."""
    if folder is None or not known:
        return "unknown"
    wanted = {digest.lower() for digest in known}
    made = False
    for algorithm in [name for length, name in reversed(_ALGORITHMS.items()) if length in map(len, wanted)]:
        try:
            found = session.file_hash(f"{folder}\\{file}", algorithm)
        except CommandFailed:
            return "unknown"
        if found in wanted:
            return "shipped"
        made = made or found is not None
    return "custom" if made else "unknown"


def _check_hashes(given: Sequence[str]) -> None:
    for digest in given:
        if not re.fullmatch(r"[0-9a-fA-F]+", digest) or len(digest) not in _ALGORITHMS:
            raise Refused(
                f"{digest!r} is no hash of a map file",
                remedy="Give SHA-256, SHA-1 or MD5 as hexadecimal digits (mailops_exchange_connector_shipped_maps).",
            )
