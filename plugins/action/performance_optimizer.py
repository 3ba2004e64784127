# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: the Performance Optimizer of Exchange 5.5, and the values of the registry that it overwrites."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import ACCOUNT, STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils._folders import record_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils._results import failure, moment
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import optimizer, tuning
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import read_optimizer_note
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import ReadOnlyViolation, Refused


class ActionModule(HostAction):
    """Save the values, note that it is due, run it, or put back what a run has stopped."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["saved", "due", "run", "restored"]},
        "update": {"type": "str"},
        "folder": {"type": "path"},
        "settings": {
            "type": "dict",
            "default": {},
            "options": {
                "users": {"type": "int"},
                "org_users": {"type": "int"},
                "server_type": {"type": "list", "elements": "str"},
                "limit_memory": {"type": "int"},
                "answer_file": {"type": "str"},
            },
        },
        **ACCOUNT,
        **timeout(3600),
        "service_timeout": {"type": "int", "default": 600},
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {
        "required_if": [("state", "due", ["update"])],
        "required_together": [("account", "password")],
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what holds afterwards."""
        return {"saved": {"saved": True}, "run": {"optimized": True}}.get(options["state"], {})

    def predict(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what the plan predicts; a mistake in the site's settings is told before anything begins."""
        try:
            optimizer.answers(options["settings"])
        except Refused as error:
            return self._failure(error, changed=False)
        return super().predict(options, step)

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return what is noted on the host."""
        note = read_optimizer_note(session)
        if options["state"] == "saved":
            return {"saved": bool(note and note["tuning_saved"])}
        return {"optimized": not (note and note["optimizer"])}

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return before and after of a change that check mode does not make."""
        before = self.observe(session, options)
        after = {"due": {"optimized": False}, "restored": before}.get(options["state"])
        return {"before": before, "after": after or self.wanted(options, {})}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Do what the state asks for."""
        if options["state"] == "saved":
            return self._save(session, options)
        if options["state"] == "due":
            changed = optimizer.mark_due(session, options["update"])
            return {"changed": changed, "msg": "Noted: the Performance Optimizer is due after the service pack."}
        if options["state"] == "restored":
            result = optimizer.restore(session, options["service_timeout"])
            before, after = {"services": result["before"]}, {"services": result["after"]}
            words = "The services run again." if result["changed"] else "Nothing was stopped."
            return {"changed": result["changed"], "before": before, "after": after, "msg": words}
        return self._run(session, options)

    def _save(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Write the values to files beside the change record, then note on the host that they are safe."""
        name = re.sub(r"[^\w.-]", "-", session.host)
        folder = Path(options["folder"]).expanduser().absolute() if options["folder"] else record_folder()
        path, back = folder / f"tuning-{name}.json", folder / f"tuning-{name}.reg"
        saved = optimizer.saved_values(session)
        result: dict[str, Any] = {
            "changed": True,
            "before": {"saved": saved is not None},
            "after": {"saved": True},
            "files": [str(path), str(back)],
        }
        if saved is not None and path.exists() and back.exists():
            return {**result, "changed": False, "msg": f"The values are in {path} already."}
        if session.read_only:
            raise ReadOnlyViolation(f"the values of {session.host} are not written in check mode")
        # What was saved before a service pack that was begun is what counts, wherever its files are.
        values = tuning.read(session) if saved is None else saved
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for each in (path, back):
                # Those of an earlier service pack may be the only ones from before the values were overwritten.
                if saved is None and each.exists():
                    stamp = datetime.fromtimestamp(each.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
                    each.replace(each.with_name(f"{each.stem}-{stamp}{each.suffix}"))
            _write(back, tuning.reg_text(values).encode("cp1252", "replace"))
            text = tuning.export_text(session.host, values, moment(session.clock.now()))
            _write(path, text.encode("utf-8"))
        except OSError as error:
            raise Refused(
                f"the values that the Performance Optimizer sets cannot be written to {folder}:"
                f" {error.strerror or error}",
                remedy="See that the folder can be written, and has room",
            ) from error
        if saved is None:
            optimizer.mark_saved(session, values)
        return {**result, "msg": f"The values are in {path}; {back.name} puts the numbers among them back."}

    def _run(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        result = optimizer.run(
            session,
            settings=options["settings"],
            account=options["account"],
            password=options["password"],
            timeout=options["timeout"],
            service_timeout=options["service_timeout"],
        )
        problems = [{"host": session.host, **problem} for problem in result["problems"]]
        shown: dict[str, Any] = {
            "changed": result["changed"],
            "before": {"optimized": not result["changed"]},
            "after": {"optimized": result["success"]},
            "problems": problems,
            **{key: result[key] for key in ("exit_code", "set", "changes")},
        }
        if not result["success"]:
            return failure(shown, "The Performance Optimizer did not end well", problems)
        if result["changes"]:
            shown["due"] = [
                f"{session.host}: see which of the values that the Performance Optimizer has changed were tuned by"
                f" hand, and set those again: {tuning.words(result['changes'])}. The file tuning-*.reg beside the"
                " change record has them as they were."
            ]
        return {**shown, "msg": "The Performance Optimizer has run." if result["changed"] else "It is not due."}


def _write(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)
