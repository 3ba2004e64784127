# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain things that sessions give back."""

from __future__ import annotations

from dataclasses import dataclass, field

RegistryValues = dict[str, tuple[str, "str | int | list[str]"]]
"""Value name -> (type as reg.exe names it, data). DWORDs are numbers, REG_MULTI_SZ are lists."""


@dataclass(frozen=True)
class Output:
    """How a command ended. Lines end with ``\\n``; the exit code is a signed 32-bit number, as cmd.exe shows it."""

    exit_code: int
    stdout: str
    stderr: str = ""

    @property
    def text(self) -> str:
        """Everything it wrote, standard output first."""
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Service:
    """A Windows service.

    ``state``: stopped, start_pending, stop_pending, running, continue_pending, pause_pending or paused.
    ``start_type``: boot, system, auto, manual or disabled; None when it was not told. ``display_name``: the long name,
    in the host's language; None when it was not asked for.
    """

    name: str
    state: str
    start_type: str | None
    display_name: str | None = None


@dataclass(frozen=True)
class RegistryReading:
    """What several questions to the registry brought, each by the key that was asked for; None: no such key.

    ``values`` are a key's own values, ``trees`` a key with everything below it (relative key -> values), ``subkeys``
    the names of the keys directly below.
    """

    values: dict[str, RegistryValues | None] = field(default_factory=dict)
    trees: dict[str, dict[str, RegistryValues] | None] = field(default_factory=dict)
    subkeys: dict[str, list[str] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Answers:
    """What several questions at once brought: command lines in their order, registry, services that exist."""

    outputs: list[Output]
    registry: RegistryReading
    services: dict[str, Service]


@dataclass(frozen=True)
class Event:
    """An entry of an event log.

    ``time``: epoch seconds, by the host's clock. ``id``: the number that the event viewer shows (the lower 16 bits).
    ``type``: error, warning, information, success, audit_success, audit_failure or unknown. ``strings`` were given by
    the source and are not translated, ``text`` is the whole message where the host tells it, else the strings by line.
    """

    time: float
    source: str
    id: int
    type: str
    text: str
    strings: tuple[str, ...] = ()
