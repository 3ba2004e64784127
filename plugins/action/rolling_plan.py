# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: plan the roll of an update from the observed state of all servers, on the control node."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE
from ansible_collections.mailops.exchange.plugins.plugin_utils._folders import record_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.digest import difference
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.durations import measured
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.options import OPTIONS, OTHERS
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.problems import NoPlan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.rollback import rollback_words
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule


class ActionModule(ControlAction):
    """Make the plan, and hold it against the one that was approved."""

    spec: ClassVar[dict[str, Any]] = {
        "updates": {"type": "list", "elements": "str", "required": True},
        **CATALOGUE,
        "estate": {
            "type": "dict",
            "required": True,
            "options": {
                "hosts": {"type": "dict", "required": True},
                "directory": {"type": "dict"},
                "absent": {"type": "dict", "default": {}},
                "absent_sets": {"type": "dict", "default": {}},
                "absent_exchange": {"type": "dict", "default": {}},
            },
        },
        **{name: {"type": "str", "choices": list(words), "default": words[0]} for name, words in OPTIONS.items()},
        "max_virtual_servers": {"type": "int", "default": 0},
        "front_ends_done": {"type": "list", "elements": "str", "default": []},
        "addon_commands": {"type": "list", "elements": "str", "default": []},
        "lanes": {"type": "int", "default": 0},
        "canary": {"type": "bool", "default": False},
        "records": {"type": "list", "elements": "path", "default": []},
        "gates": {"type": "list", "elements": "dict", "default": []},
        "approved_digest": {"type": "str"},
        "approved_plan": {"type": "dict"},
        "approved_file": {"type": "path"},
    }

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make the plan and show it; a plan that was not approved is a failure."""
        chosen = {name: options[name] for name in (*OPTIONS, *OTHERS)}
        updates = self._updates(options)
        known = measured(_records(options["records"]))
        plan = make_plan(_estate(options["estate"]), updates, chosen)
        schedule = make_schedule(plan, {entry["id"]: entry["minutes"] for entry in updates}, known)
        result = {
            "plan": plan,
            "schedule": schedule,
            "rollback": rollback_words(plan["entries"], sorted(plan["turns"]), options["gates"]),
            "digest": plan["digest"],
            "scope_digest": plan["scope_digest"],
            "runbook": runbook(plan),
            "msg": _summary(plan),
        }
        objection = _objection(plan, options)
        if not objection:
            self._show(result["runbook"])
        return {**result, **objection}

    def _updates(self, options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the entries of the updates, and of those that they require, flagged as prerequisites.

        Raises Refused for a key that the catalogue does not know.
        """
        known = self.known_updates(options, options["updates"])
        entries = [known[key] for key in options["updates"]]
        found = set(options["updates"])
        for entry in entries:
            for need in entry["requires"]:
                if need["update"] not in found:
                    found.add(need["update"])
                    # Read as the list grows: what a prerequisite requires is found too.
                    entries.append({**known[need["update"]], "prerequisite": True})
        return entries


def _estate(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the estate as the planner takes it; a server behind a balancer is a front-end.

    Raises Refused for what says neither yes nor no.
    """
    sets = given["absent_sets"]
    absent = {}
    for name, said in given["absent"].items():
        front_end = _said(name, said)
        absent[name] = {
            "front_end": True if front_end is None and sets.get(name) else front_end,
            "limited_out": True,
            "set": sets.get(name) or None,
            "exchange": given["absent_exchange"].get(name) or None,
        }
    return {"hosts": given["hosts"], "directory": given["directory"], "inventory": absent}


def _said(name: str, said: Any) -> bool | None:
    """Return what the inventory says of a host: an inventory in INI form has texts where YAML has true and false."""
    if said is None or said == "":
        return None
    try:
        return bool(boolean(said))
    except TypeError:
        raise Refused(
            f"mailops_exchange_front_end of {name} is {said!r}", remedy="Set it to true or false, or leave it out."
        ) from None


def _kept(path: str | None, digest: str | None) -> dict[str, Any]:
    """Return the approved plan from the file that it was written to; empty when that holds another one or none.

    It only serves to tell the difference in words: what is approved is the digest.
    """
    try:
        plan = json.loads(Path(path).read_text(encoding="utf-8")) if path and digest else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(plan, dict):
        return {}
    # What is left of an approved roll that was cut off was written over its plan, and is of the same approval.
    known = (plan.get("digest"), plan.get("scope_digest"), *plan.get("earlier_digests", []))
    return plan if digest in known else {}


def _beside() -> str | None:
    """Return where the change record's callback writes plans; None where that is not known."""
    try:
        return str(record_folder() / "plan.json")
    except Refused:
        return None


def _records(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Return the change records in the files and folders.

    Raises Refused for a path that is not there and for a file that is no change record: an estimate from half of what
    the operator named would be a wrong one.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise Refused(f"there is no {path}, which records names", remedy="Give change records of earlier runs.")
        files += sorted(path.glob("record*.json")) if path.is_dir() else [path]
    found = []
    for file in files:
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Refused(f"{file} cannot be read as a change record: {error}") from error
        if not isinstance(record, dict) or not isinstance(record.get("steps"), list):
            raise Refused(f"{file} is no change record: it has no list of steps")
        found.append(record)
    return found


def _summary(plan: Mapping[str, Any]) -> str:
    if not plan["changes"]:
        return "Nothing is to be done: every server has the update."
    return f"{len(plan['steps'])} steps on {len(plan['turns'])} servers in {len(plan['waves'])} waves."


def _objection(plan: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes the result a failure when another plan was approved.

    A run that goes on where an earlier one was cut off has fewer steps: it is approved by the digest of the scope.
    """
    approved = options["approved_plan"] or _kept(options["approved_file"] or _beside(), options["approved_digest"])
    digests = {options["approved_digest"], approved.get("digest"), approved.get("scope_digest")} - {None, ""}
    if not digests or digests & {plan["digest"], plan["scope_digest"]}:
        return {}
    differences = difference(approved, plan) if approved else []
    return {
        "failed": True,
        "differences": differences,
        "msg": f"This is not the plan that was approved: its digest is {plan['digest']}."
        + "".join(f" {line}." for line in differences),
        "remedy": "Look at what has changed on the servers, then approve the new plan or put things back.",
    }


__all__ = ["ActionModule", "NoPlan"]
