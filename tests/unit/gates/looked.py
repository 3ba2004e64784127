# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates judged by what the hosts of a running lab tell, as the preflight does it, without a playbook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.mailops.exchange.lab.estate import complete, load_estate
from ansible_collections.mailops.exchange.lab.inventory import CATALOGUE, inventory, write_files
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.action.directory_info import NAMED, _logon
from ansible_collections.mailops.exchange.plugins.plugin_utils._facts import read_facts
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import install, package
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import (
    load,
    staging_folder,
    with_required,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import signed
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.judge import judge
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.model import View
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import rpc, winrm
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Session

ESTATES = Path(__file__).resolve().parents[3] / "lab" / "estates"


def example(name: str, **changes: Any) -> dict[str, Any]:
    """An estate among the examples, complete, with other settings of its own."""
    estate = load_estate(ESTATES / f"{name}.yml")
    return {**estate, **changes}


def written(text: str) -> dict[str, Any]:
    """An estate of a test's own, as it stands in a file."""
    return complete(yaml.safe_load(text))


@contextmanager
def running(folder: Path, estate: dict[str, Any]) -> Iterator[Lab]:
    """A lab of this estate; it must have had no trouble at the end."""
    lab = Lab({**estate, "speed": 0}, None)
    lab.start()
    try:
        write_files(lab, folder)
        yield lab
    finally:
        lab.stop()
    assert lab.trouble == []


def session_to(lab: Lab, name: str, *, read_only: bool = True) -> Session:
    """A session to a machine by its own channel."""
    machine = lab.world.machines[name]
    settings: dict[str, Any] = {"user": f"{lab.world.prefix}\\exadmin", "password": lab.password("exadmin")}
    settings["port"] = machine.port
    options: dict[str, Any] = {"host": name, "clock": RehearsalClock(1000), "read_only": read_only}
    if machine.channel == "rpc":
        return rpc.RpcSession(rpc.Endpoint(machine.address, **settings), **options)
    return winrm.WinrmSession(winrm.Endpoint(machine.address, **settings), **options)


def look(session: Session, updates: list[dict[str, Any]]) -> dict[str, Any]:
    """What the roles observe of a server, as far as the gates ask for it."""
    found: dict[str, Any] = {"note": None, "connector": None, "exchange": read_exchange(session), "cluster": None}
    if found["exchange"]["clustered"]:
        found["cluster"] = read_cluster(session, 0).to_dict()
    found["packages"] = {
        entry["id"]: package.observe(session, entry, None, staging_folder(entry))
        for entry in updates
        if entry.get("product") == found["exchange"]["product"]
    }
    found["installations"] = {
        entry["id"]: install.observe(session, entry, found["exchange"])
        for entry in updates
        if entry.get("product") == found["exchange"]["product"]
    }
    found["facts"] = read_facts(session)
    return found


def judged(lab: Lab, folder: Path) -> dict[str, Any]:
    """Look at every machine and judge all gates, by the inventory that the lab writes."""
    given = inventory(lab, folder)["all"]["children"]["exchange_servers"]["vars"]
    keys = given["mailops_exchange_update"]
    updates = with_required(load([str(folder / CATALOGUE)]), [keys] if isinstance(keys, str) else keys)
    hosts: dict[str, Any] = {}
    for name in lab.world.hosts:
        with session_to(lab, name) as session:
            hosts[name] = look(session, updates)
    controllers: dict[str, Any] = {}
    for name in lab.world.controller_hosts:
        with session_to(lab, name) as session:
            controllers[name] = {"facts": read_facts(session, "controller", updates=updates)}
    directory, problem = None, ""
    settings = given.get("mailops_exchange_directory")
    try:
        if settings:
            read = Directory(**settings)
            servers, databases = read.servers(), read.databases()
            for name, entry in servers.items():
                if entry["product"] in NAMED:
                    entry["databases"] = databases.get(name, [])
            directory = {"servers": servers}
            if given.get("mailops_exchange_setup_user"):
                account = given["mailops_exchange_setup_user"], given["mailops_exchange_setup_password"]
                directory["account"] = _logon(read, *account)
    except HostError as error:
        problem = error.message
    times = sorted(found["facts"]["time"] for found in hosts.values())
    view = View(
        hosts=hosts,
        controllers=controllers,
        directory=directory,
        directory_error=problem,
        directory_given=bool(settings),
        updates=updates,
        now=times[len(times) // 2],
        setup_account=given.get("mailops_exchange_setup_user"),
    )
    return judge(view, signed.read_statements(given["mailops_exchange_statements"]))
