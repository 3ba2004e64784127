# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that a host sees at a place in the roles, in Ansible's order of precedence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.mailops.exchange.tests.lab.driven.roles import Place
from ansible_collections.mailops.exchange.tests.lab.driven.templates import OMIT, evaluate

if TYPE_CHECKING:
    from ansible_collections.mailops.exchange.tests.lab.driven.conductor import Conductor


class Scope:
    """What one task of one host sees. Values are evaluated when they are asked for, each of them once."""

    def __init__(
        self,
        run: Conductor,
        host: str,
        place: Place,
        own: dict[str, Any] | None = None,
        item: dict[str, Any] | None = None,
    ) -> None:
        """``own``: variables of the task itself; ``item``: the item of its loop by the name of the loop's variable."""
        self.run, self.host, self.place, self.own = run, host, place, own or {}
        self.item = item or {}
        self._known: dict[str, Any] = {}
        self._busy: set[str] = set()

    def with_item(self, name: str, item: Any) -> Scope:
        """The same for an item of a loop."""
        return Scope(self.run, self.host, self.place, self.own, {name: item})

    def find(self, name: str) -> Any:
        """See ``templates.Names``."""
        if name not in self._known:
            if name in self._busy:
                raise RecursionError(f"the variable {name} needs itself")
            self._busy.add(name)
            try:
                self._known[name] = self._find(name)
            finally:
                self._busy.discard(name)
        return self._known[name]

    def _find(self, name: str) -> Any:
        run, facts = self.run, self.run.facts[self.host]
        if name in self.item:
            return self.item[name]
        magic = getattr(self, f"_magic_{name}", None)
        if magic is not None:
            return magic()
        if name in run.extra:
            return evaluate(run.extra[name], self)
        # What hosts and tasks have said is never a template.
        if name in facts:
            return facts[name]
        for layer in self._templates():
            if name in layer:
                return evaluate(layer[name], self)
        raise KeyError(name)

    def _templates(self) -> Iterator[Mapping[str, Any]]:
        yield self.own
        yield from self.place.layers
        roles = (*self.place.roles, *self.run.play_roles)
        for each in roles:
            yield each.variables
        yield self.run.inventory[self.host]
        for each in roles:
            yield each.defaults

    def _magic_inventory_hostname(self) -> str:
        return self.host

    def _magic_hostvars(self) -> HostVars:
        return self.run.hostvars

    def _magic_groups(self) -> dict[str, list[str]]:
        return {**self.run.groups, "all": [host for host in self.run.inventory if host != "localhost"]}

    def _magic_ansible_play_hosts(self) -> list[str]:
        return self.run.play_hosts

    def _magic_ansible_play_hosts_all(self) -> list[str]:
        return list(self.run.play_hosts_all)

    def _magic_ansible_check_mode(self) -> bool:
        return self.run.check

    def _magic_ansible_forks(self) -> int:
        # Here one host goes after the other, whatever a test says.
        return int(self.run.extra.get("ansible_forks", 25))

    def _magic_omit(self) -> Any:
        return OMIT


class HostVars(Mapping[str, "_OfHost"]):
    """Ansible's hostvars: what is known of each host, without the variables of roles and tasks."""

    def __init__(self, run: Conductor) -> None:
        self._run = run

    def __getitem__(self, host: str) -> _OfHost:
        if host not in self._run.inventory:
            raise KeyError(host)
        return _OfHost(self._run, host)

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.inventory)

    def __len__(self) -> int:
        return len(self._run.inventory)


class _OfHost(Mapping[str, Any]):
    def __init__(self, run: Conductor, host: str) -> None:
        self._run, self._host = run, host

    def __getitem__(self, name: str) -> Any:
        return Scope(self._run, self._host, Place()).find(name)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._run.inventory[self._host], **self._run.facts[self._host], "inventory_hostname": None})

    def __len__(self) -> int:
        return len(list(iter(self)))
