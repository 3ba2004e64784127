# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: look step by step whether a host can be worked with, and say what to do where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, cast

from ansible.errors import AnsibleError
from ansible_collections.mailops.exchange.plugins.plugin_utils import _doctor as doctor
from ansible_collections.mailops.exchange.plugins.plugin_utils._action import TRANSPORTS, HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE, DIRECTORY
from ansible_collections.mailops.exchange.plugins.plugin_utils._results import Times
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import CatalogueError
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.diagnosis import Finding, of_error
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError


class ActionModule(HostAction):
    """Go through all steps, as far as possible; a step that fails keeps none from being tried that can be."""

    spec: ClassVar[dict[str, Any]] = {
        "directory": {"type": "dict", "options": DIRECTORY},
        "updates": {"type": "list", "elements": "str", "default": []},
        **CATALOGUE,
        "setup_account": {"type": "str"},
        "setup_password": {"type": "str", "no_log": True},
        "share": {"type": "str"},
        "share_user": {"type": "str"},
        "share_password": {"type": "str", "no_log": True},
    }
    rules: ClassVar[dict[str, Any]] = {"required_together": [("share_user", "share_password")]}

    def _attempt(self, options: dict[str, Any]) -> dict[str, Any]:
        """Collect the findings. A host that cannot be reached is a finding, not the end."""
        times = Times(Clock())
        found: list[Finding] = []
        for finding in self._findings(options):
            found.append(finding)
        failed = [finding for finding in found if finding.result == "failed"]
        lines = doctor.table(self._host_name, found)
        self._show("\n".join(lines))
        result: dict[str, Any] = {
            "checks": [finding.to_dict() for finding in found],
            "table": lines,
            "msg": "Everything that this collection needs is there.",
            **times.ended(),
        }
        if not failed:
            return result
        return {
            **result,
            "failed": True,
            "msg": doctor.verdict(failed),
            "remedy": failed[0].remedy or "See `checks` for what to do about each.",
        }

    def _findings(self, options: dict[str, Any]) -> Iterator[Finding]:
        transport = str(getattr(self._connection, "transport", ""))
        channel = transport.removeprefix(TRANSPORTS) if transport.startswith(TRANSPORTS) else ""
        yield from doctor.libraries(channel, directory=bool((options["directory"] or {}).get("uri")))
        paths, finding = self._packages(options)
        if finding:
            yield finding
        old = False
        if channel:
            for each in self._of_host({**options, "share": options["share"] or next(iter(paths), None)}):
                old = old or (each.id == "exchange" and "Exchange 5.5" in each.seen)
                yield each
        else:
            yield Finding(
                "channel",
                "Channel",
                "failed",
                f"the connection of this host is {transport or 'unknown'}",
                f"Set ansible_connection to {TRANSPORTS}winrm (Server 2003 with WinRM) or {TRANSPORTS}rpc.",
            )
        yield doctor.directory(options["directory"], old=old)
        yield doctor.setup_logon(options["directory"], options["setup_account"], options["setup_password"])

    def _packages(self, options: dict[str, Any]) -> tuple[list[str], Finding | None]:
        """Return where the packages of the updates lie on shares, and what is wrong with the catalogue."""
        if not options["updates"]:
            return [], None
        try:
            known = self.known_updates(options, options["updates"])
        except (HostError, CatalogueError) as error:
            remedy = getattr(error, "remedy", "") or "Correct the catalogue file (mailops_exchange_catalogue)."
            return [], Finding("catalogue", "Catalogue", "failed", str(error), remedy)
        paths = {key: str(known[key]["package"]["path"] or "") for key in options["updates"]}
        missing = [key for key, path in paths.items() if not path]
        shares = [path for path in paths.values() if path.startswith("\\\\")]
        if missing:
            remedy = (
                "Give package.path and package.sha256 in a catalogue file of the site (mailops_exchange_catalogue)."
            )
            seen = f"no package is given for {', '.join(missing)}"
            return shares, Finding("catalogue", "Catalogue", "warning", seen, remedy)
        return shares, Finding("catalogue", "Catalogue", "ok", ", ".join(paths.values()))

    def _of_host(self, options: dict[str, Any]) -> Iterator[Finding]:
        try:
            session: Session = cast("Any", self._connection).open_session(self._task.check_mode, self._say)
        except HostError as error:
            yield of_error("settings", "Settings", error)
            return
        except AnsibleError as error:
            remedy = "Correct the connection's variables in the inventory."
            yield Finding("settings", "Settings", "failed", str(error.message), remedy)
            return
        session.host = self._host_name
        with session:
            reached = True
            for finding in session.diagnose():
                yield finding
                reached = reached and not (finding.id == "logon" and finding.result != "ok")
            yield from doctor.of_host(
                session,
                reached=reached,
                setup_account=options["setup_account"],
                share=options["share"],
                share_user=options["share_user"],
                share_password=options["share_password"],
            )
