# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry by reg.exe, which Server 2003 brings along and Windows 2000 does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import console
from .commands import Raw, command, quote
from .errors import Unreadable
from .models import Output, RegistryReading, RegistryValues

if TYPE_CHECKING:
    from .session import Session


def read_many(session: Session, keys: Sequence[str]) -> list[RegistryValues | None]:
    """Values of several keys; None for a key that is not there.

    reg.exe ends with 1 for "not found" and for "access denied" alike [V]; the account is an administrator of the
    host, so 1 is taken for "not found".
    """
    outputs = session.run_all([f"reg query {quote(key)}" for key in keys])
    return [_values(session, key, output) for key, output in zip(keys, outputs, strict=True)]


def _values(session: Session, key: str, output: Output) -> RegistryValues | None:
    if output.exit_code == 1:
        return None
    if output.exit_code != 0:
        raise Unreadable(_message(session, key, output))
    wanted = console.full_key(key).lower()
    for name, values in console.registry_sections(output.stdout).items():
        if name.lower() == wanted:
            return values
    # A key without values: only its subkeys are printed, or nothing at all.
    return {}


def read_tree(session: Session, key: str) -> dict[str, RegistryValues] | None:
    """A key with all keys below it: relative name -> values; None when the key is not there."""
    output = session.run(f"reg query {quote(key)} /s", changes=False)
    return _tree(session, key, output)


def lines_for(values: Sequence[str], trees: Sequence[str], subkeys: Sequence[str]) -> list[str]:
    """The command lines of a reading, in the order that ``reading`` takes their answers in."""
    return [
        *(f"reg query {quote(key)}" for key in (*values, *subkeys)),
        *(f"reg query {quote(key)} /s" for key in trees),
    ]


def reading(
    session: Session, values: Sequence[str], trees: Sequence[str], subkeys: Sequence[str], outputs: Sequence[Output]
) -> RegistryReading:
    """What the lines of ``lines_for`` brought."""
    rest = iter(outputs)
    return RegistryReading(
        values={key: _values(session, key, next(rest)) for key in values},
        subkeys={key: _subkeys(session, key, next(rest)) for key in subkeys},
        trees={key: _tree(session, key, next(rest)) for key in trees},
    )


def _subkeys(session: Session, key: str, output: Output) -> list[str] | None:
    """Without ``/s`` the keys directly below stand in the answer with their names alone."""
    tree = _tree(session, key, output)
    return None if tree is None else [name for name in tree if name and "\\" not in name]


def _tree(session: Session, key: str, output: Output) -> dict[str, RegistryValues] | None:
    if output.exit_code == 1:
        return None
    if output.exit_code != 0:
        raise Unreadable(_message(session, key, output))
    top = console.full_key(key)
    tree: dict[str, RegistryValues] = {}
    for name, values in console.registry_sections(output.stdout).items():
        if name.lower() == top.lower():
            tree[""] = values
        elif name.lower().startswith(top.lower() + "\\"):
            tree[name[len(top) + 1 :]] = values
    return tree


def default_value(session: Session, key: str) -> str | int | list[str] | None:
    """Data of a key's default value, by ``/ve``: its single row counts, not the translated name."""
    output = session.run(f"reg query {quote(key)} /ve", changes=False)
    if output.exit_code != 0:
        return None
    for values in console.registry_sections(output.stdout).values():
        if values:
            return next(iter(values.values()))[1]
    return None


def write(session: Session, key: str, name: str, number: int | None) -> None:
    """Write a DWORD, or delete the value."""
    if number is None:
        line = command("reg", "delete", quote(key), Raw("/v"), name, Raw("/f"))
    else:
        line = command("reg", "add", quote(key), Raw("/v"), name, Raw("/t"), "REG_DWORD", Raw("/d"), number, Raw("/f"))
    session.change(line, f"writing {name} on {session.host}")


def _message(session: Session, key: str, output: Output) -> str:
    return f"the registry key {key} of {session.host} cannot be read: {console.first_line(output.text)}"
