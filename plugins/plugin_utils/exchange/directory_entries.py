# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the entries of Active Directory say about Exchange's servers and databases. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .builds import parse_serial


def attributes_of(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """The attributes of an entry as the library gives it: name in small letters -> values, its own name as ``dn``."""
    raw: Mapping[str, Iterable[bytes]] = entry.get("raw_attributes") or {}
    found = {name.lower(): [value.decode("utf-8", "replace") for value in values] for name, values in raw.items()}
    return {**found, "dn": [str(entry.get("dn") or "")]}


def describe_servers(entries: Iterable[Mapping[str, list[str]]]) -> dict[str, dict[str, Any]]:
    """Directory entries (attribute in small letters -> values) as ``Directory.servers`` returns them. Pure."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = _first(entry, "name") or _first(entry, "cn")
        if not name:
            continue
        text = _first(entry, "serialnumber") or ""
        serial = parse_serial(text)
        found[name.upper()] = {
            "name": name,
            "serial_number": text,
            "product": serial.product if serial else None,
            "service_pack": serial.service_pack if serial else None,
            "build": serial.build if serial else None,
            "front_end": _first(entry, "serverrole") == "1",
            **_place(_first(entry, "dn") or ""),
            "fqdn": _full_name(entry.get("networkaddress", [])),
        }
    return found


def _place(dn: str) -> dict[str, str | None]:
    """Organisation and administrative group in the name of a server's entry (V: gscales' scripts, ExBPA): ``CN=server,
    CN=Servers,CN=<group>,CN=Administrative Groups,CN=<organisation>,...``; None where it has another form.
    """
    parts = [_unescaped(part.partition("=")[2].strip()) for part in re.findall(r"(?:[^\\,]|\\.)+", dn)]
    words = [part.casefold() for part in parts]
    if words[1:2] != ["servers"] or words[3:4] != ["administrative groups"] or len(parts) < 5:
        return {"organization": None, "administrative_group": None}
    return {"organization": parts[4], "administrative_group": parts[2]}


def _unescaped(text: str) -> str:
    """A value of a distinguished name as it is meant (RFC 4514); servers may write each byte of UTF-8 as a number."""
    whole = re.sub(
        rb"\\([0-9A-Fa-f]{2}|.)",
        lambda found: bytes([int(found[1], 16)]) if len(found[1]) == 2 else found[1],
        text.encode(),
        flags=re.DOTALL,
    )
    return whole.decode("utf-8", "replace")


def _full_name(addresses: Iterable[str]) -> str | None:
    """The DNS name among the addresses of a server (``ncacn_ip_tcp:server.domain``: R); None without one."""
    for address in addresses:
        if address.lower().startswith("ncacn_ip_tcp:") and not address.endswith(":"):
            return address.partition(":")[2].lower()
    return None


def describe_databases(entries: Iterable[Mapping[str, list[str]]]) -> dict[str, list[dict[str, str]]]:
    """Directory entries of databases as ``Directory.databases`` returns them. Pure."""
    found: dict[str, list[dict[str, str]]] = {}
    for entry in entries:
        owner, file = _first(entry, "msexchowningserver"), _first(entry, "msexchedbfile")
        name = _first(entry, "name") or _first(entry, "cn") or ""
        if owner and file:
            # The owner is a distinguished name, CN=MBX1,CN=Servers,...; a computer's name holds nothing to be escaped.
            server = owner.partition(",")[0].partition("=")[2].strip().upper()
            found.setdefault(server, []).append({"name": name, "file": file})
    return {server: sorted(rows, key=lambda row: row["file"]) for server, rows in found.items()}


def upgraded(update: Mapping[str, Any], entry: Mapping[str, Any] | None) -> bool:
    """Whether the directory shows a server at the level of a service pack, or above it."""
    result = update["result"]
    if not entry or entry.get("product") != update["product"] or entry.get("build") is None:
        return False
    level = int(entry["service_pack"] or 0)
    return level >= int(result.get("service_pack", 0)) and int(entry["build"]) >= int(result.get("build", 0))


def _first(entry: Mapping[str, list[str]], name: str) -> str | None:
    values = entry.get(name) or []
    return values[0] if values else None
