# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs from one Exchange version to another: everything that the planner knows of a product stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Upgrade = Literal["menu", "itself", "none"]


@dataclass(frozen=True)
class Procedure:
    """The procedure of one Exchange version.

    server, front_end, cluster: the roles that take the turns. Of Exchange 2000 and 2003: a node is freed and its
    Cluster service stopped before the installer runs, and all front-ends come before any back-end [V, KB 328839].

    upgrade: what brings a virtual server to the level of an updated node. ``menu``: somebody asks for "Upgrade Exchange
    Virtual Server" there, which it waits for with its Exchange resources offline (2003); ``itself``: its System
    Attendant does it as it comes online there (2000); ``none``: there is nothing to upgrade (5.5) [V, KB 328839].

    sets_together: whether the members of a load-balanced set of front-ends go at the same time (2003), or one after
    the other, so that somebody serves (2000).
    """

    product: str
    server: str
    front_end: str
    cluster: str
    upgrade: Upgrade
    sets_together: bool

    def role(self, *, clustered: bool, front_end: bool) -> str:
        """Return the role that takes the turn of such a host."""
        if clustered:
            return self.cluster
        return self.front_end if front_end else self.server


PROCEDURES: Mapping[str, Procedure] = {
    "2003": Procedure(
        product="2003",
        server="exchange2003_server",
        front_end="exchange2003_frontend",
        cluster="exchange2003_cluster",
        upgrade="menu",
        sets_together=True,
    ),
    "2000": Procedure(
        product="2000",
        server="exchange2000_server",
        front_end="exchange2000_frontend",
        cluster="exchange2000_cluster",
        upgrade="itself",
        sets_together=False,
    ),
    "5.5": Procedure(
        product="5.5",
        server="exchange55_server",
        front_end="exchange55_server",
        cluster="exchange55_cluster",
        upgrade="none",
        sets_together=False,
    ),
}
"""Product -> its procedure. A product that is not here cannot be planned."""

PLANNED_PRODUCTS = tuple(PROCEDURES)
"""Products that this planner knows the procedure of."""
