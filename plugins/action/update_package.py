# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: have an update's package on the host, complete and proved."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import PACKAGE, STEP, UPDATE, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import package
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import staging_folder


class ActionModule(HostAction):
    """Copy the package to the host unless it is there."""

    spec: ClassVar[dict[str, Any]] = {
        **UPDATE,
        **PACKAGE,
        "share_user": {"type": "str"},
        "share_password": {"type": "str", "no_log": True},
        "via": {"type": "str", "choices": ["host", "smb"], "default": "host"},
        **timeout(7200),
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {"required_together": [("share_user", "share_password")]}

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return that the package is there."""
        return {"staged": True}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return whether the package is there."""
        update = self.update(options)
        found = package.observe(session, update, options["source"], staging_folder(update), look=True)
        return {"staged": found["staged"]}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Copy the package beside its place, prove it, and put it there."""
        update = self.update(options)
        with ExitStack() as stack:
            files = None
            if options["via"] == "smb" and not session.copies_files:
                connection: Any = self._connection
                files = stack.enter_context(connection.open_files(session))
            result = package.stage(
                session,
                update,
                options["source"],
                staging_folder(update),
                share_user=options["share_user"],
                share_password=options["share_password"],
                timeout=options["timeout"],
                files=files,
            )
        found = result["after"]
        return {
            "changed": result["changed"],
            "before": {"staged": result["before"]["staged"]},
            "after": {"staged": found["staged"]},
            "package": found,
            "msg": f"The package is {found['path']}.",
        }
