# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installers of Exchange 2000 that differ from the usual: the suite's own pack, hotfixes that need others."""

from __future__ import annotations

from .installer import Installation


class SuiteInstallation(Installation):
    """The service pack of Small Business Server 2000: itself, a service pack of Windows, and that of Exchange.

    KB 328839 names the three levels; that one installer brings them, Exchange's at once and the other two with the
    restart that it asks for, is [U].
    """

    def _refusal(self, others: list[str]) -> str:
        if self._host.edition != self._package["edition"]:
            return "This update is for Small Business Server."
        return super()._refusal(others)

    def _succeed(self) -> None:
        super()._succeed()
        self._host.more.after_restart = (int(self._package["windows"]), int(self._package["suite"]))


class RequiringHotfix(Installation):
    """A hotfix that needs another one before it: after Service Pack 3 the rollup KB 870540 [V, bulletins]."""

    def _refusal(self, others: list[str]) -> str:
        needed = self._package["requires"]
        refusal = super()._refusal(others)
        if not refusal and needed not in self._host.hotfixes:
            return f"This update needs {needed}, which is not installed."
        return refusal
