# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a plan: their words, their defaults, and how mistakes in them are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .draft import Options
from .problems import Problems
from .state55 import ADDONS

OPTIONS: dict[str, tuple[str, ...]] = {
    "home": ("preferred", "as_found", "stay"),
    "failover_test": ("all", "one", "none"),
    "upgrade_method": ("operator", "command"),
    "setup_method": ("auto", "operator", "command"),
    "connector": ("upgrade", "leave"),
    "set_failure": ("hold", "serve_with_updated"),
    "addons": ("upgrade", "leave"),
    "passive_cluster_service": ("stopped", "running"),
}
"""The options that are words; the first word is the default. Others: ``max_virtual_servers`` (how many virtual
servers a node may carry at a time; 0, the default: no limit of ours), ``front_ends_done`` (names of front-ends outside
of the run that have the update), ``addon_commands`` (add-ons of Exchange 5.5 for whose setup the site gives a command
line: no person is needed), ``lanes`` (how many clusters and single servers go on side by side; 0: all) and ``canary``
(whether the first turn of each kind goes alone)."""
OTHERS = ("max_virtual_servers", "front_ends_done", "addon_commands", "lanes", "canary")


def read_options(options: Mapping[str, Any], problems: Problems) -> Options:
    """Return the options with their defaults; an unknown name or word is a problem."""
    names = (*OPTIONS, *OTHERS)
    for name in sorted(set(options) - set(names)):
        problems.add("", f"The option {name!r} is not known.", f"The options are {', '.join(names)}.")
    chosen = {}
    for name, words in OPTIONS.items():
        chosen[name] = str(options.get(name) or words[0])
        if chosen[name] not in words:
            problems.add("", f"{name} cannot be {chosen[name]!r}.", f"Choose one of {', '.join(words)}.")
    most, lanes = (_whole(options, name, problems) for name in ("max_virtual_servers", "lanes"))
    canary = options.get("canary") or False
    if not isinstance(canary, bool):
        problems.add("", f"canary cannot be {canary!r}.", "Give true or false.")
    done = options.get("front_ends_done") or []
    if isinstance(done, str) or not all(isinstance(name, str) for name in done):
        problems.add("", f"front_ends_done cannot be {done!r}.", "Give a list of names of front-end servers.")
        done = []
    commands = options.get("addon_commands") or []
    if isinstance(commands, str) or not set(commands) <= set(ADDONS):
        problems.add("", f"addon_commands cannot be {commands!r}.", f"Give a list of {', '.join(ADDONS)}.")
        commands = []
    return Options(
        **chosen,
        max_virtual_servers=most,
        front_ends_done=tuple(done),
        addon_commands=tuple(commands),
        lanes=lanes,
        canary=canary is True,
    )


def _whole(options: Mapping[str, Any], name: str, problems: Problems) -> int:
    """Return an option that is a whole number; anything else is a problem."""
    value = options.get(name) or 0
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    problems.add("", f"{name} cannot be {value!r}.", "Give a whole number; 0 is no limit.")
    return 0
