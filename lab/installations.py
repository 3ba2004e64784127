# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which installer is behind a file of an update package."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .addons import PART, run_setup
from .installer import Installation
from .installers_55 import GuiHotfix, ServicePack55
from .installers_2000 import RequiringHotfix, SuiteInstallation

if TYPE_CHECKING:
    from .files import Entry
    from .world import Context


class Running(Protocol):
    """One run of an installer."""

    def run(self) -> int:
        """Run it to its end; returns the exit code."""


Installer = Callable[["Context", str, dict[str, Any], list[str], list[str]], Running]


class AddonSetup:
    """The setup of a component that a service pack leaves alone."""

    addon = ""

    def __init__(
        self, context: Context, image: str, package: dict[str, Any], arguments: list[str], switches: list[str]
    ) -> None:
        self._context, self._image, self._package, self._arguments = context, image, package, arguments

    def run(self) -> int:
        """Run it; returns its exit code."""
        return run_setup(self._context, self._image, self.addon, self._package, self._arguments)


def program_of(entry: Entry, package: dict[str, Any]) -> Installer:
    """Return what runs behind a file: made with (context, image, package, arguments, the same in small letters)."""
    if entry.tag["part"] == PART:
        return type("AddonSetup", (AddonSetup,), {"addon": str(entry.tag["addon"])})
    if package.get("form") == "sms_installer":
        return GuiHotfix
    if "suite" in package:
        return SuiteInstallation
    if package["product"] == "5.5":
        return ServicePack55
    return RequiringHotfix if "requires" in package else Installation
