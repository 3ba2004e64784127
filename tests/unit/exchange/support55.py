# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab with Exchange 5.5 on NT 4.0, and sessions to it by SMB and RPC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.mailops.exchange.lab.estate import load_estate
from ansible_collections.mailops.exchange.lab.shell.run import run_line
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession

SPEED = 600
SP4, FIX = "exchange55-sp4", "exchange55-kb894689"
CORE = ["MSExchangeSA", "MSExchangeDS", "MSExchangeIS", "MSExchangeMTA"]
FULL = """
    custom_tuning: true
    addons: [mailbox_manager, interorg_replication]
    services: {MSExchangeIMC: running, MSExchangeKMS: running, SNMP: running}
"""


@contextmanager
def lab_of(
    folder: Path,
    more: str = "",
    *,
    update: str = SP4,
    service_pack: int = 3,
    language: str = "en",
    faults: list[dict[str, Any]] | None = None,
    speed: int = SPEED,
) -> Iterator[Lab]:
    """A running lab of one server, mbx1, with these settings more; it must have had no trouble at the end."""
    path = folder / "estate.yml"
    path.write_text(
        f"update: {update}\nspeed: {speed}\nlanguage: {language}\nhosts:\n  mbx1:\n    os: nt4\n"
        f"    service_pack: {service_pack}\n{more}"
    )
    lab = Lab(load_estate(path), faults)
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()
    assert lab.trouble == []


def opened(lab: Lab, name: str = "mbx1", **options: Any) -> RpcSession:
    """A session to a host of the lab."""
    host = lab.world.hosts[name]
    user, password = f"{lab.world.prefix}\\exadmin", lab.password("exadmin")
    endpoint = Endpoint(host.address, user=user, password=password, port=host.port)
    return RpcSession(endpoint, host=name, clock=RehearsalClock(SPEED), **options)


def account(lab: Lab) -> dict[str, str]:
    """The account with which installers run, as options."""
    return {"account": f"{lab.world.prefix}\\exsetup", "password": lab.password("exsetup")}


def update_of(key: str = SP4) -> dict[str, Any]:
    """An entry of the catalogue, with the command lines of the lab's site."""
    update = load()[key]
    if update["kind"] != "service_pack":
        return update
    command = r'"{folder}\files\ENG\Server\Setup\I386\Update.exe" /unattend'
    return {**update, "extract": r'"{package}" /x:"{folder}\files" /q', "command": command}


def on_host(lab: Lab, line: str, name: str = "mbx1") -> str:
    """Run a line on the host as somebody who sits there; it must succeed."""
    world = lab.world
    with world.clock.lock:
        context = world.hosts[name].context(f"{world.prefix}\\exsetup", "batch", cwd="C:\\")
        result = run_line(context, line)
    assert result.exit_code == 0, (line, result)
    return result.stdout


def staged(lab: Lab, key: str = SP4) -> str:
    """Copy the package of an update to the host; returns its path."""
    file, controller = lab.world.packages.package(key)["file"], next(iter(lab.world.controllers))
    folder = f"C:\\mailops\\{key}"
    on_host(lab, f"if not exist {folder} mkdir {folder}")
    on_host(lab, f"copy /y \\\\{controller}\\updates\\{file} {folder}\\")
    return f"{folder}\\{file}"


def end(lab: Lab, image: str, name: str = "mbx1") -> None:
    """End a program, as somebody with the Task Manager does."""
    host = lab.world.hosts[name]
    with lab.world.clock.lock:
        for process in [process for process in host.processes if process.image.lower() == image.lower()]:
            host.kill(process)


def down(lab: Lab, name: str = "mbx1") -> list[str]:
    """Services that ran when the lab was started and do not now, as its referee sees it."""
    with lab.world.clock.lock:
        return list(lab.world.referee.report()["final"][name]["services_down"])
