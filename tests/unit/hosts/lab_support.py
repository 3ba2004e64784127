# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab to talk to over the wire, and sessions to its host."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.mailops.exchange.lab.estate import load_estate
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import Endpoint, WinrmSession

ESTATE = """
update: exchange2003-sp2
speed: {speed}
language: {language}
hosts:
  n1: {{os: server2003, product: "2003", edition: enterprise, service_pack: 1, services: {{TrendServer: running}}}}
"""


def begin(folder: Path, language: str = "en", faults: list[dict[str, object]] | None = None, speed: int = 600) -> Lab:
    """A lab of one host; the caller stops it."""
    path = folder / "estate.yml"
    path.write_text(ESTATE.format(language=language, speed=speed))
    lab = Lab(load_estate(path), faults)
    lab.start()
    return lab


def opened(lab: Lab, kind: type[WinrmSession] = WinrmSession, **options: object) -> WinrmSession:
    """A session to the lab's host."""
    host = lab.world.hosts["n1"]
    settings = {"user": f"{lab.world.prefix}\\exadmin", "password": lab.password("exadmin"), "port": host.port}
    own = {name: options.pop(name) for name in list(options) if name in Endpoint.__dataclass_fields__}
    endpoint = Endpoint(host.address, **{**settings, **own})
    return kind(endpoint, host="n1", clock=RehearsalClock(600), **options)
