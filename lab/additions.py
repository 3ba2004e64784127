# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only some hosts have: databases that the store upgrades, Small Business Server 2000, parts of Exchange 5.5."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .host import Host
    from .world import World


@dataclass
class Additions:
    """The state of one host beyond what every host has.

    `database_version`: of the store that opened the databases last; `database_minutes`: how long a newer one takes to
    upgrade them. `suite_service_pack`: of Small Business Server 2000 itself. `after_restart`: service packs of Windows
    and of the suite that count from the next start. `addons`: the components with a setup of their own. `optimized`:
    the Performance Optimizer has run since the last service pack (true where there was none).
    """

    database_version: str = ""
    database_minutes: float = 0.0
    suite_service_pack: int = 0
    after_restart: tuple[int, int] | None = None
    addons: list[str] = field(default_factory=list)
    optimized: bool = True

    def restarted(self, host: Host) -> None:
        """Windows has started: what waited for it counts now."""
        if self.after_restart is not None:
            windows, self.suite_service_pack = self.after_restart
            host.os_service_pack = max(host.os_service_pack, windows)
            self.after_restart = None


def build_additions(world: World) -> None:
    """Give the hosts of the estate what only some have; after the hosts are made, before their clusters."""
    from .addons import build_addons
    from .exchange55 import build_exchange55
    from .exchange2000 import follow_store
    from .monitors import watch

    for name, host in world.hosts.items():
        settings: dict[str, Any] = (world.estate.get("hosts") or {}).get(name) or {}
        more = host.more
        more.database_version = host.file_version
        more.database_minutes = float(settings.get("database_minutes") or 0)
        more.suite_service_pack = int(settings.get("suite_service_pack") or 0)
        more.addons = list(settings.get("addons") or [])
        if host.product == "5.5":
            build_exchange55(host, settings)
            build_addons(host)
        if not host.clustered:
            follow_store(host)
    watch(world)
