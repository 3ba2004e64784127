# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs from one Exchange version to another: everything that the planner knows of a product stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Procedure:
    """The procedure of one Exchange version.

    server, front_end, cluster: the roles that take the turns. Of Exchange 2003: a node is freed and its Cluster
    service stopped before the installer runs, a service pack asks for "Upgrade Exchange Virtual Server" on the updated
    node, and all front-ends come before any back-end [V, KB 328839].
    """

    product: str
    server: str
    front_end: str
    cluster: str

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
    ),
}
"""Product -> its procedure. A product that is not here cannot be planned."""

PLANNED_PRODUCTS = tuple(PROCEDURES)
"""Products that this planner knows the procedure of."""
