# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: judge by what was observed whether an update may begin, on the control node."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import with_required
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.package_files import of_control_node
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import signed
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.judge import judge
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.model import FAILED, Limits, View
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.terminal import WIDTH, table

NAMES: dict[str, Any] = {"type": "list", "elements": "str", "default": []}


class ActionModule(ControlAction):
    """Run every gate, then give one verdict."""

    spec: ClassVar[dict[str, Any]] = {
        "updates": {"type": "list", "elements": "str"},
        **CATALOGUE,
        "verify": {"type": "str", "choices": ["hash", "size"]},
        "hosts": {"type": "dict"},
        "controllers": {"type": "dict", "default": {}},
        "directory": {"type": "dict"},
        "directory_problem": {"type": "str"},
        "directory_given": {"type": "bool", "default": True},
        "statements": {"type": "raw", "default": []},
        "overrides": {"type": "raw", "default": []},
        "backup_age": {"type": "float", "default": 24},
        "clock_tolerance": {"type": "float", "default": 300},
        "disk_space": {"type": "int", "default": 500},
        "setup_account": {"type": "str"},
        "setup_method": {"type": "str", "choices": ["auto", "command", "operator"], "default": "auto"},
        "connector": {"type": "str", "choices": ["upgrade", "leave"], "default": "upgrade"},
        "connector_by_job": {"type": "bool", "default": False},
        "interfering_services": NAMES,
        "keep_services": NAMES,
        "languages": {"type": "dict", "default": {}},
        "width": {"type": "int", "default": WIDTH},
        "refuse": {"type": "bool", "default": True},
        "judged": {"type": "dict"},
    }
    rules: ClassVar[dict[str, Any]] = {
        "required_one_of": [("updates", "judged")],
        "required_together": [("updates", "hosts")],
        "mutually_exclusive": [("updates", "judged")],
    }

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Judge, and show the table; bad input is refused before anything is judged."""
        if options["judged"] is not None:
            return _verdict(options["judged"], {})
        statements = signed.read_statements(options["statements"])
        overrides = signed.read_overrides(options["overrides"])
        view = self._view(options)
        result = judge(view, statements, overrides)
        result["table"] = table(result["gates"], result["verdict"], options["width"])
        asked = {str(each["id"]): str(each["title"]) for each in view.updates}
        result["title"] = ", then ".join(asked[key] for key in options["updates"])
        self._show("\n".join(result["table"]))
        if result["verdict"] == FAILED:
            # Otherwise the run starts them itself.
            result["due"] = [
                f"{host}: {', '.join(names)}, stopped by a run that was cut off, to be started again: by the next run"
                " that begins, or by hand"
                for host in view.reached
                if (names := view.left_stopped(host))
            ]
        told = _verdict(result, result)
        return told if options["refuse"] else {**told, "failed": False}

    def _view(self, options: Mapping[str, Any]) -> View:
        known = self.known_updates(dict(options), options["updates"])
        hosts = {name: found or {} for name, found in options["hosts"].items()}
        updates = with_required(known, options["updates"])
        return View(
            hosts=hosts,
            controllers={name: found or {} for name, found in options["controllers"].items()},
            directory=options["directory"],
            directory_error=options["directory_problem"] or "",
            directory_given=options["directory_given"],
            updates=updates,
            now=_now(hosts),
            limits=Limits(options["backup_age"], options["clock_tolerance"], options["disk_space"]),
            setup_account=options["setup_account"] or None,
            setup_method=options["setup_method"],
            connector=options["connector"],
            connector_by_job=options["connector_by_job"],
            own_packages=of_control_node(updates),
            interfering_services=options["interfering_services"],
            keep_services=options["keep_services"],
            language=options["languages"],
        )


def _verdict(judged: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """The gates as a result: a refusal where they are closed. ``shown``: what of them is in it."""
    if judged.get("verdict") != FAILED:
        return {**shown, "msg": "The gates are open."}
    failed = sorted({problem["what"].partition(":")[0] for problem in judged["problems"]})
    return {
        **shown,
        "problems": judged["problems"],
        "failed": True,
        "refused": True,
        "msg": f"The gates are closed: {', '.join(failed)}. Nothing was begun.",
        "remedy": "See `problems` for what to do about each; the table shows them all.",
    }


def _now(hosts: Mapping[str, Any]) -> float:
    """The time by which statements are dated: that of the servers, whose middle one is taken; else our own."""
    times = sorted(moment for found in hosts.values() if (moment := (found.get("facts") or {}).get("time")) is not None)
    return float(times[len(times) // 2]) if times else time.time()
