# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: export the schema maps of Active Directory Connector, or compare them with their export."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import DIRECTORY, STEP
from ansible_collections.mailops.exchange.plugins.plugin_utils._folders import record_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils._results import moment
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import schema_maps
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused


class ActionModule(ControlAction):
    """Write the maps to a file beside the change record, or say what of them differs from it."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["exported", "compared"]},
        "host": {"type": "str", "required": True},
        "folder": {"type": "path"},
        "begun": {"type": "bool", "default": False},
        "directory": {"type": "dict", "required": True, "options": DIRECTORY},
        **STEP,
    }

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Export or compare. In check mode the directory is read, and nothing is written or compared."""
        if not (options["directory"] or {}).get("uri"):
            raise Refused(
                "the schema maps of Active Directory Connector cannot be read without the directory",
                remedy="Configure the directory (mailops_exchange_directory), or set mailops_exchange_connector to"
                " leave",
            )
        name = re.sub(r"[^\w.-]", "-", options["host"])
        folder = Path(options["folder"]).expanduser().absolute() if options["folder"] else record_folder()
        base = folder / f"connector-maps-{name}"
        if options["state"] == "exported":
            return self._export(
                options, folder, base.with_name(base.name + ".json"), base.with_name(base.name + ".ldif")
            )
        return self._compare(options, base.with_name(base.name + ".json"), base.with_name(base.name + ".ldif"))

    def _export(self, options: dict[str, Any], folder: Path, path: Path, back: Path) -> dict[str, Any]:
        policy, maps = schema_maps.read(Directory(**options["directory"]))
        planned = options["step"] is not None
        same = _exported(path) == (policy, maps)
        # An upgrade that was begun may have changed the maps already: what was exported before it is what counts.
        kept = path.exists() and (same or options["begun"])
        result = {
            # The step says that the maps are safe on the control node, whether this run or an earlier one saw to it.
            "changed": planned or not kept,
            "before": {"exported": not planned and kept},
            "after": {"exported": True},
            "files": [str(path), str(back)],
            "attributes": {name: sum(map(len, values)) for name, values in maps.items()},
        }
        if self._task.check_mode:
            return {**result, "msg": f"The schema maps would be exported to {path}."}
        if kept:
            return {**result, "msg": f"The schema maps are in {path} already."}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                _keep_earlier(path, back)
            _write(back, schema_maps.ldif(policy, maps))
            _write(path, schema_maps.export_text(options["host"], policy, maps, moment(Clock().now())))
        except OSError as error:
            raise Refused(
                f"the schema maps cannot be written to {folder}: {error.strerror or error}",
                remedy="See that the folder can be written, and has room",
            ) from error
        note = {}
        if options["begun"]:
            note["due"] = [
                f"{options['host']}: the schema maps of Active Directory Connector were exported only after its setup"
                " had begun: they may not be those from before it."
            ]
        return {**result, **note, "msg": f"The schema maps are in {path}; {back.name} puts them back."}

    def _compare(self, options: dict[str, Any], path: Path, back: Path) -> dict[str, Any]:
        changed = options["step"] is not None
        result: dict[str, Any] = {
            "changed": changed,
            "before": {"compared": not changed},
            "after": {"compared": True},
            "files": [str(path), str(back)],
        }
        if self._task.check_mode:
            return {**result, "msg": "The schema maps would be compared with their export."}
        exported = _exported(path)
        if exported is None:
            raise Refused(
                f"there is no export of the schema maps in {path}",
                remedy="Look for the export of the earlier run on the control node that made it, and put it there",
            )
        maps = schema_maps.read(Directory(**options["directory"]))[1]
        found = schema_maps.differences(exported[1], maps)
        if not found:
            return {**result, "differences": [], "msg": "The schema maps are as they were before the upgrade."}
        text = (
            f"{options['host']}: the schema maps of Active Directory Connector differ from those before its upgrade:"
            f" {schema_maps.words(found)}. See whether the service pack brought that, or customised rules are missing."
            f" The way back: ldapmodify -f {back}"
        )
        return {**result, "differences": found, "due": [text], "msg": text}


def _exported(path: Path) -> tuple[str, schema_maps.Maps] | None:
    """What was exported to a file; None where there is none."""
    if not path.exists():
        return None
    try:
        return schema_maps.parse_export(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"{path} cannot be read: {error}", remedy="Move the file away, and start the run again"
        ) from error


def _keep_earlier(path: Path, back: Path) -> None:
    """Rename the export of an earlier upgrade after the time at which it was written."""
    stamp = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
    for each in (path, back):
        if each.exists():
            each.replace(each.with_name(f"{each.stem}-{stamp}{each.suffix}"))


def _write(path: Path, text: str) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
