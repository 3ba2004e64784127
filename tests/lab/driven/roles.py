# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's playbooks and roles, read once, and what is known at a place in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]

#: Keywords of a task that the conductor knows; any other key is the task's action.
KEYWORDS = {
    *("name", "when", "vars", "register", "loop", "loop_control", "run_once", "delegate_to", "delegate_facts"),
    *("check_mode", "ignore_errors", "ignore_unreachable", "block", "rescue", "always", "no_log"),
}
PLAY_KEYWORDS = {"name", "hosts", "gather_facts", "check_mode", "ignore_unreachable", "tasks", "serial", "strategy"}

Node = dict[str, Any]


class Unknown(Exception):
    """The roles use something of Ansible that the conductor does not know: it is to be taught that first."""


@cache
def read(path: Path) -> Any:
    """The content of a YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@dataclass(frozen=True, eq=False)
class Role:
    """A role: its defaults, its variables, its tasks."""

    name: str

    @property
    def folder(self) -> Path:
        """Where it is."""
        return ROOT / "roles" / self.name

    @property
    def defaults(self) -> dict[str, Any]:
        """The lowest of all variables."""
        return self._part("defaults")

    @property
    def variables(self) -> dict[str, Any]:
        """Its own variables."""
        return self._part("vars")

    def _part(self, part: str) -> dict[str, Any]:
        path = self.folder / part / "main.yml"
        return dict(read(path) or {}) if path.exists() else {}


@cache
def role(name: str) -> Role:
    """A role of the collection."""
    found = Role(name.removeprefix("mailops.exchange."))
    if not found.folder.is_dir():
        raise Unknown(f"the role {name}")
    return found


def action_of(node: Node) -> str:
    """The action of a task."""
    found = [key for key in node if key not in KEYWORDS]
    if len(found) != 1:
        raise Unknown(f"a task with {', '.join(found) or 'no action'}: {node.get('name')}")
    return str(found[0])


@dataclass(frozen=True)
class Place:
    """What a place in the roles adds: variables, conditions, roles around it (the innermost first), its folder."""

    layers: tuple[dict[str, Any], ...] = ()
    conditions: tuple[Any, ...] = ()
    roles: tuple[Role, ...] = ()
    folder: Path = field(default=ROOT / "playbooks")

    def within(self, node: Node) -> Place:
        """Inside a block: its variables and conditions hold for all that is in it, also for what is included there."""
        return Place(self._layers(node), (*self.conditions, *conditions(node)), self.roles, self.folder)

    def included(self, node: Node, more: dict[str, Any], folder: Path) -> Place:
        """In an included file; the condition of the including task is not for what is in the file."""
        layers = self._layers(node)
        return Place((more, *layers) if more else layers, self.conditions, self.roles, folder)

    def in_role(self, node: Node, more: dict[str, Any], name: str) -> Place:
        """In an included role, which sees the variables of the roles around it."""
        found = role(name)
        place = self.included(node, more, found.folder / "tasks")
        return Place(place.layers, place.conditions, (found, *(r for r in self.roles if r is not found)), place.folder)

    def _layers(self, node: Node) -> tuple[dict[str, Any], ...]:
        return (node["vars"], *self.layers) if node.get("vars") else self.layers


def conditions(node: Node) -> tuple[Any, ...]:
    """The conditions of a task or block."""
    found = node.get("when")
    if found is None:
        return ()
    return tuple(found) if isinstance(found, list) else (found,)


def imported_roles(nodes: list[Node], folder: Path) -> tuple[Role, ...]:
    """The roles that tasks import, and that are imported in these; what is included brings none into the play."""
    found: dict[Role, None] = {}
    for node in nodes:
        for part in ("block", "rescue", "always"):
            found |= dict.fromkeys(imported_roles(node.get(part, []), folder))
        if "ansible.builtin.import_role" in node:
            given = node["ansible.builtin.import_role"]
            each = role(given["name"])
            found[each] = None
            tasks = each.folder / "tasks"
            found |= dict.fromkeys(imported_roles(read(tasks / f"{given.get('tasks_from', 'main')}.yml"), tasks))
        elif "ansible.builtin.import_tasks" in node:
            path = folder / node["ansible.builtin.import_tasks"]
            found |= dict.fromkeys(imported_roles(read(path), path.parent))
    return tuple(found)


def plays(playbook: str) -> list[Node]:
    """The plays of a playbook, those that it imports among them."""
    found: list[Node] = []
    for play in read(ROOT / "playbooks" / f"{playbook}.yml"):
        if "ansible.builtin.import_playbook" in play:
            raise Unknown("a playbook that imports another one")
        unknown = set(play) - PLAY_KEYWORDS
        if unknown:
            raise Unknown(f"the keyword {', '.join(unknown)} of a play")
        found.append(play)
    return found
