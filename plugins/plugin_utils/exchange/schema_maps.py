# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema maps of Active Directory Connector in the directory: exported before its setup, compared after it.

KB 328839 (G8): the content of ``msExchServer1SchemaMap`` and ``msExchServer2SchemaMap`` is exported before the
connector is upgraded, so that it can be put back. Whether its setup replaces them is told in both ways (facts: Q253834,
and an article on Exchange 2000 SP3) [U], so that nobody relies on either: they are compared.

Values are kept as bytes (base64), exactly as the directory gave them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ..hosts.errors import Refused
from .builds import load_data
from .directory import Directory, DirectoryError

FORMAT = 1
_WIDTH = 76
_SHOWN = 20
"""Lines of a difference that are told; the files hold all of it."""

Maps = dict[str, list[bytes]]


@cache
def facts() -> dict[str, Any]:
    """The table of the maps (data/connector_maps.yml)."""
    table: dict[str, Any] = load_data("connector_maps.yml")
    return table


def read(directory: Directory) -> tuple[str, Maps]:
    """The policy's name in the directory and both maps. Raises DirectoryError, also where there is no policy."""
    found = directory.configuration_entry(facts()["policy"], facts()["attributes"])
    if found is None:
        raise DirectoryError(
            f"the directory at {directory.uri} has no {facts()['policy'].split(',')[0]}",
            remedy="See whether the directory is that of the forest with the connector, and whether the account may"
            " read it; set mailops_exchange_connector to leave where the connector is not to be upgraded.",
        )
    return found


def export_text(host: str, policy: str, maps: Maps, at: str) -> str:
    """The maps as a JSON text. ``at``: when they were read, ISO 8601."""
    content = {
        "format": FORMAT,
        "host": host,
        "policy": policy,
        "exported": at,
        "maps": {name: [base64.b64encode(value).decode("ascii") for value in values] for name, values in maps.items()},
    }
    return json.dumps(content, indent=2) + "\n"


def parse_export(text: str, path: str) -> tuple[str, Maps]:
    """The reverse of ``export_text``: the policy's name and the maps. Raises Refused for another text."""
    try:
        content = json.loads(text)
        maps = {
            str(name): [base64.b64decode(value, validate=True) for value in values]
            for name, values in content["maps"].items()
        }
        return str(content["policy"]), maps
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise Refused(
            f"{path} holds no export of schema maps", remedy="Move the file away, and start the run again."
        ) from error


def ldif(policy: str, maps: Maps) -> str:
    """An LDIF text that puts the maps back as they are here: ``ldapmodify -f FILE`` (RFC 2849)."""
    lines = ["version: 1", *_fold(_field("dn", policy.encode())), "changetype: modify"]
    for name, values in maps.items():
        # A replace without values removes the attribute, which is how it was then.
        lines += [f"replace: {name}", *(line for value in values for line in _fold(_field(name, value))), "-"]
    return "\n".join(lines) + "\n\n"


def differences(before: Maps, after: Maps) -> list[dict[str, Any]]:
    """What differs, by attribute: ``attribute``, ``removed`` and ``added`` lines. The order of values says nothing."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, []), after.get(name, [])
        if sorted(old) == sorted(new):
            continue
        was, now = _lines(old), _lines(new)
        removed = [line for line in was if line not in set(now)]
        added = [line for line in now if line not in set(was)]
        found.append({"attribute": name, "removed": removed[:_SHOWN], "added": added[:_SHOWN]})
    return found


def words(found: Sequence[Mapping[str, Any]]) -> str:
    """Differences in a few words."""
    parts = []
    for each in found:
        removed, added = len(each["removed"]), len(each["added"])
        what = f"{removed} lines less, {added} lines more" if removed or added else "in another form"
        parts.append(f"{each['attribute']} ({what})")
    return ", ".join(parts)


def _lines(values: Sequence[bytes]) -> list[str]:
    return [line for value in values for line in value.decode("utf-8", "replace").splitlines()]


def _field(name: str, value: bytes) -> str:
    """A line of LDIF; base64 where the value is not plain text (RFC 2849, SAFE-STRING)."""
    if re.fullmatch(rb"(?![ :<])[ -~]*(?<! )", value):
        return f"{name}: {value.decode('ascii')}"
    return f"{name}:: {base64.b64encode(value).decode('ascii')}"


def _fold(line: str) -> list[str]:
    """A long line in parts; each further one begins with a blank."""
    if len(line) <= _WIDTH:
        return [line]
    rest = line[_WIDTH:]
    return [line[:_WIDTH], *(" " + rest[at : at + _WIDTH - 1] for at in range(0, len(rest), _WIDTH - 1))]
