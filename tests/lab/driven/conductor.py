# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's real playbooks and roles in this process, task by task, with the collection's real actions.

See ``properties.py`` for why. What it knows of Ansible is what the roles use, in Ansible's own order: variables and
their precedence, conditions that blocks hand down, loops, ``rescue`` and ``always``, includes, ``run_once``,
delegation, ``serial`` with its batches, hosts that drop out. A keyword or module that it does not know raises
``Unknown``, so that it cannot pass over anything in silence; tests/lab/test_driven.py holds it and Ansible together.

With strategy linear the hosts go through each task together, one after the other; with strategy free one host takes
all of its tasks before the next one does, in an order drawn from ``random``.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jinja2.exceptions import TemplateError

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.mailops.exchange.tests.lab.driven.roles import (
    ROOT,
    Node,
    Place,
    Role,
    Unknown,
    action_of,
    conditions,
    imported_roles,
    plays,
    read,
)
from ansible_collections.mailops.exchange.tests.lab.driven.scopes import HostVars, Scope
from ansible_collections.mailops.exchange.tests.lab.driven.templates import OMIT, evaluate, holds

Result = dict[str, Any]
#: What a template may raise; in Ansible it fails the task.
BAD_TEMPLATE = (TemplateError, AnsibleError, TypeError, ValueError, KeyError, AttributeError, IndexError)


class Teller(Protocol):
    """Takes what tasks return (the change record)."""

    def task(self, host: str, node: Node, action: str, result: Result, status: str, item: bool) -> None:
        """A task has ended, or one item of its loop."""


class Doer(Protocol):
    """Runs the collection's actions."""

    def do(self, action: str, host: str, delegated: str | None, arguments: dict[str, Any], check: bool) -> Result:
        """The result of an action; raises AnsibleConnectionFailure and AnsibleError as actions do."""


class Conductor:
    """One run of a playbook. ``inventory``: as the lab writes it; ``extra``: extra variables; ``limit``: the hosts that
    --limit leaves in every play.
    """

    def __init__(
        self,
        inventory: Mapping[str, Any],
        doer: Doer,
        teller: Teller,
        *,
        check: bool = False,
        extra: dict[str, Any] | None = None,
        seed: int = 0,
        limit: Sequence[str] | None = None,
    ) -> None:
        self.check = check
        self._limit = None if limit is None else {*limit, "localhost"}
        self.extra = extra or {}
        self.groups: dict[str, list[str]] = {}
        self.inventory: dict[str, dict[str, Any]] = {"localhost": {}}
        for name, group in inventory["all"]["children"].items():
            self.groups[name] = list(group["hosts"])
            for host, own in group["hosts"].items():
                self.inventory[host] = {**group.get("vars", {}), **(own or {})}
        self.facts: dict[str, dict[str, Any]] = {name: {} for name in self.inventory}
        self.hostvars = HostVars(self)
        self.failed: set[str] = set()
        self.unreachable: set[str] = set()
        self.said: list[str] = []
        self._doer, self._teller = doer, teller
        self._random = random.Random(seed)
        self._failing: dict[str, Result] = {}
        self._play: Node = {}
        #: The roles that the play imports: their variables are for all of it.
        self.play_roles: tuple[Role, ...] = ()
        self.play_hosts_all: list[str] = []
        #: Blocks with a rescue around the task that runs now.
        self._guarded = 0
        self.play_check = check

    @property
    def play_hosts(self) -> list[str]:
        """The hosts of the play that have not dropped out."""
        return [host for host in self.play_hosts_all if host not in self.failed | self.unreachable]

    def run(self, playbook: str) -> None:
        """Run a playbook of the collection to its end."""
        for play in plays(playbook):
            if not self._run_play(play):
                return

    def _run_play(self, play: Node) -> bool:
        """False: everybody of a batch has failed, which ends Ansible's run."""
        self._play, self.play_roles = play, imported_roles(play["tasks"], ROOT / "playbooks")
        names = Scope(self, "localhost", Place())
        hosts = evaluate(play["hosts"], names)
        every = [hosts] if isinstance(hosts, str) else list(hosts)
        self.play_hosts_all = [
            host
            for name in every
            for host in self.groups.get(name, [name])
            if self._limit is None or host in self._limit
        ]
        self.play_check = bool(evaluate(play.get("check_mode", self.check), names))
        free = str(play.get("strategy", "linear")).rpartition(".")[2] == "free"
        for batch in _batches(self.play_hosts_all, evaluate(play.get("serial", []), names)):
            before = self.failed | self.unreachable
            live = [host for host in batch if host not in before]
            if free:
                self._random.shuffle(live)
            for together in [[host] for host in live] if free else [live]:
                self._tasks(together, play["tasks"], Place())
                self._drop()
            if len(batch) == len((self.failed | self.unreachable) - before):
                return False
        return True

    def _drop(self) -> None:
        self.failed |= set(self._failing)
        self._failing.clear()

    def _alive(self, hosts: Sequence[str]) -> list[str]:
        return [host for host in hosts if host not in self._failing and host not in self.unreachable]

    def _tasks(self, hosts: Sequence[str], nodes: Sequence[Node], place: Place) -> list[str]:
        """Run a list of tasks; returns the hosts that got through. Those that failed are in ``_failing``."""
        live = list(hosts)
        for node in nodes:
            live = self._alive(live)
            if not live:
                break
            if "block" in node:
                live = self._block(live, node, place)
            else:
                self._task(live, node, place)
            if not self._guarded:
                # Outside of every block with a rescue a host that fails has dropped out at once.
                self.failed |= set(self._failing)
        return self._alive(live)

    def _block(self, hosts: list[str], node: Node, place: Place) -> list[str]:
        inner = place.within(node)
        rescuing, always = node.get("rescue"), node.get("always")
        self._guarded += bool(rescuing or always)
        live = self._tasks(hosts, node["block"], inner)
        self._guarded -= bool(rescuing or always)
        if rescuing:
            lost = [host for host in hosts if host in self._failing]
            for host in lost:
                self.facts[host]["ansible_failed_result"] = self._failing.pop(host)
            if lost:
                saved = self._tasks(lost, rescuing, inner)
                live = [host for host in hosts if host in live or host in saved]
        if always:
            pending = {host: self._failing.pop(host) for host in hosts if host in self._failing}
            done = self._tasks([host for host in hosts if host in live or host in pending], always, inner)
            for host, result in pending.items():
                if host in done:
                    self._failing[host] = result
            live = [host for host in done if host not in pending]
        return self._alive(live)

    # -- one task

    def _task(self, hosts: list[str], node: Node, place: Place) -> None:
        action = action_of(node)
        word = action.rpartition(".")[2] if action.startswith("ansible.builtin.") else action
        if word in ("import_tasks", "import_role"):
            # Static: read before the run, so its condition is one of each task in it.
            if set(node) & {"loop", "register", "run_once"}:
                raise Unknown(f"{word} with more than a condition")
            place, node = place.within(node), {key: value for key, value in node.items() if key not in ("when", "vars")}
        if word in ("include_tasks", "include_role", "import_tasks", "import_role"):
            self._include(hosts, node, word, node[action], place)
            return
        uid = {**node, "uuid": str(uuid.uuid4()), "action": action}
        once = bool(node.get("run_once"))
        for host in hosts[:1] if once else hosts:
            others = self._alive(hosts) if once else [host]
            result = self._perform(host, uid, word, node[action], place, others)
            for other in others:
                if "register" in node:
                    self.facts[other][node["register"]] = result
                if once and result.get("failed") and not node.get("ignore_errors"):
                    self._failing.setdefault(other, result)

    def _perform(
        self, host: str, node: Node, word: str, arguments: Any, place: Place, receivers: Sequence[str]
    ) -> Result:
        """Run a task for a host, with all items of its loop; returns what is registered."""
        scope = Scope(self, host, place, node.get("vars"))
        every = (*place.conditions, *conditions(node))
        if "loop" not in node:
            result = self._once(scope, node, word, arguments, every, receivers)
            self._end(host, node, result)
            return result
        try:
            items = evaluate(node["loop"], scope)
            if not isinstance(items, list):
                raise TypeError(f"the loop of {node.get('name')} is {items!r}")
        except BAD_TEMPLATE as error:
            skipped = self._skipped(scope, every)
            result = skipped or {"failed": True, "changed": False, "msg": f"{node.get('name')}: {error}"}
            self._end(host, node, result)
            return result
        name = (node.get("loop_control") or {}).get("loop_var", "item")
        results = []
        for item in items:
            each = self._once(scope.with_item(name, item), node, word, arguments, every, receivers)
            results.append({**each, name: item})
            if not each.get("skipped"):
                status = "failed" if each.get("failed") or each.get("unreachable") else "ok"
                self._teller.task(host, node, node["action"], each, status, True)
        result = {"changed": any(each.get("changed") for each in results), "results": results}
        if not results or all(each.get("skipped") for each in results):
            result["skipped"] = True
        if any(each.get("unreachable") for each in results):
            result |= {"unreachable": True, "msg": next(e["msg"] for e in results if e.get("unreachable"))}
        if any(each.get("failed") for each in results):
            result |= {"failed": True, "msg": "One or more items failed"}
        self._end(host, node, result)
        return result

    def _skipped(self, scope: Scope, every: tuple[Any, ...]) -> Result | None:
        if all(holds(condition, scope) for condition in every):
            return None
        return {"changed": False, "skipped": True, "skip_reason": "Conditional result was False"}

    def _once(
        self, scope: Scope, node: Node, word: str, arguments: Any, every: tuple[Any, ...], receivers: Sequence[str]
    ) -> Result:
        """Run a task for one host, or for one item."""
        try:
            skipped = self._skipped(scope, every)
            if skipped:
                return skipped
            delegated = evaluate(node["delegate_to"], scope) if "delegate_to" in node else None
            if word == "assert":
                return _assert(arguments, scope)
            given = evaluate(arguments or {}, scope)
        except BAD_TEMPLATE as error:
            return {"failed": True, "changed": False, "msg": f"{node.get('name')}: {type(error).__name__}: {error}"}
        if word == "set_fact":
            keepers = [delegated] if node.get("delegate_facts") and delegated else receivers
            for keeper in keepers:
                self.facts[keeper].update(given)
            return {"changed": False, "ansible_facts": given}
        if word == "fail":
            return {"failed": True, "changed": False, "msg": given["msg"]}
        if word == "debug":
            self.said.append(f"{scope.host}: {given['msg']}")
            return {"changed": False, "msg": given["msg"]}
        if word == "wait_for":
            return {"changed": False}
        if not word.startswith("mailops.exchange."):
            raise Unknown(f"the module {word}")
        check = bool(node.get("check_mode", self.play_check))
        try:
            result = self._doer.do(word, scope.host, delegated, given, check)
        except AnsibleConnectionFailure as error:
            result = {"unreachable": True, "changed": False, "msg": str(error)}
        except AnsibleError as error:
            result = {"failed": True, "changed": False, "msg": str(error), **getattr(error, "_result", {})}
        if delegated:
            result["_ansible_delegated_vars"] = {"ansible_delegated_host": delegated}
        return result

    def _end(self, host: str, node: Node, result: Result) -> None:
        """Tell the end of a task, and keep a host that is lost by it."""
        ignored = bool(node.get("ignore_errors"))
        if result.get("unreachable"):
            let_be = bool(node.get("ignore_unreachable", self._play.get("ignore_unreachable", False)))
            self._teller.task(
                host, {**node, "ignore_unreachable": let_be}, node["action"], result, "unreachable", False
            )
            if not let_be:
                self.unreachable.add(host)
        elif result.get("failed"):
            self._teller.task(host, node, node["action"], result, "ignored" if ignored else "failed", False)
            if not ignored:
                self._failing[host] = result
        elif not result.get("skipped"):
            self._teller.task(host, node, node["action"], result, "ok", False)

    # -- includes

    def _include(self, hosts: list[str], node: Node, word: str, arguments: Any, place: Place) -> None:
        """Hosts that include the same thing with the same item go through it together, as with strategy linear."""
        every = (*place.conditions, *conditions(node)) if word.startswith("include") else ()
        together: dict[tuple[str, str], tuple[Any, dict[str, Any], list[str]]] = {}
        for host in hosts:
            scope = Scope(self, host, place, node.get("vars"))
            try:
                for what, more in self._what(scope, node, word, arguments, every):
                    together.setdefault((repr(what), repr(more)), (what, more, []))[2].append(host)
            except BAD_TEMPLATE as error:
                msg = f"{node.get('name')}: {type(error).__name__}: {error}"
                self._end(host, {**node, "action": word, "uuid": ""}, {"failed": True, "changed": False, "msg": msg})
        for what, more, members in together.values():
            live = self._alive(members)
            if not live:
                continue
            if word.endswith("_role"):
                inner = place.in_role(node, more, what[0])
                path = inner.folder / f"{what[1]}.yml"
            else:
                path = what if what.is_absolute() else place.folder / what
                inner = place.included(node, more, path.parent)
            self._tasks(live, read(path) or [], inner)

    def _what(
        self, scope: Scope, node: Node, word: str, arguments: Any, every: tuple[Any, ...]
    ) -> list[tuple[Any, dict[str, Any]]]:
        """What a host includes: for each item the file or role, and the item."""
        name = (node.get("loop_control") or {}).get("loop_var", "item")
        scopes: list[tuple[Scope, dict[str, Any]]] = [(scope, {})]
        if "loop" in node:
            try:
                items = evaluate(node["loop"], scope)
            except BAD_TEMPLATE:
                if self._skipped(scope, every):
                    return []
                raise
            scopes = [(scope.with_item(name, item), {name: item}) for item in items]
        found: list[tuple[Any, dict[str, Any]]] = []
        for each, more in scopes:
            if self._skipped(each, every):
                continue
            if word.endswith("_tasks"):
                given = evaluate(arguments, each)
                found.append((Path(given["file"] if isinstance(given, dict) else given), more))
            else:
                unknown = set(arguments) - {"name", "tasks_from"}
                if unknown:
                    raise Unknown(f"{word} with {', '.join(unknown)}")
                given = evaluate(arguments, each)
                found.append(((given["name"], given.get("tasks_from", "main")), more))
        return found


def _assert(arguments: dict[str, Any], scope: Scope) -> Result:
    that = arguments["that"]
    for condition in that if isinstance(that, list) else [that]:
        if not holds(condition, scope):
            msg = evaluate(arguments.get("fail_msg", "Assertion failed"), scope)
            return {"failed": True, "changed": False, "msg": msg, "assertion": condition}
    return {"changed": False, "msg": evaluate(arguments.get("success_msg", "All assertions passed"), scope)}


def _batches(hosts: list[str], serial: Any) -> list[list[str]]:
    """The hosts in the portions of ``serial``, the last of which repeats."""
    sizes = [int(size) for size in (serial if isinstance(serial, list) else [serial])]
    found, rest, at = [], list(hosts), 0
    while rest:
        size = sizes[min(at, len(sizes) - 1)] if sizes else 0
        if size <= 0:
            return [*found, rest]
        found.append(rest[:size])
        rest, at = rest[size:], at + 1
    return found


__all__ = ["OMIT", "Conductor", "Doer", "Result", "Teller"]
