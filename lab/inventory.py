# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client needs to work with a running lab: inventory, catalogue of the site, certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .simulation import Lab
from .tables import table

INVENTORY, CATALOGUE, AUTHORITY = "inventory.yml", "catalogue.yml", "ca.pem"
CLIENT_CERTIFICATE, CLIENT_KEY = "client.pem", "client-key.pem"
#: Everything that `write_files` leaves.
FILES = (INVENTORY, CATALOGUE, AUTHORITY, CLIENT_CERTIFICATE, CLIENT_KEY)

#: The lab's own rule for service packs: the package extracts itself, its setup takes an answer switch. No real
#: service pack is documented to have an unattended form, so a site gives such lines in its catalogue or none.
EXTRACT = r'"{package}" /x:"{folder}\files" /q'
COMMAND = r'"{folder}\files\%s" /unattend'


def catalogue(lab: Lab) -> dict[str, Any]:
    """The site's catalogue: where each update of the estate lies, its size and hash, and its command lines."""
    world = lab.world
    controller = lab.controller
    share = world.shares[f"\\\\{controller.lower()}\\updates"]
    files = {entry.name.lower(): entry for entry in share.volume.root.walk() if not entry.is_dir}
    site: dict[str, Any] = {}
    for key in lab.estate["updates"]:
        package = table("packages")["packages"][key]
        entry = files[package["file"].lower()]
        described = {
            "file": package["file"],
            "path": f"\\\\{controller}\\updates\\{package['file']}",
            "sha256": entry.sha256,
            "size": entry.size,
        }
        site[key] = {"package": described}
        if package["kind"] == "service_pack":
            site[key] |= {"extract": EXTRACT, "command": COMMAND % package["setup"]}
    return site


def inventory(lab: Lab, folder: Path) -> dict[str, Any]:
    """An inventory of all hosts; `folder` is where `write_files` puts the other files."""
    world, estate = lab.world, lab.estate
    hosts: dict[str, dict[str, Any]] = {}
    for name, host in world.hosts.items():
        hosts[name] = {"ansible_host": host.address, "ansible_port": host.port}
        if host.channel != "winrm":
            hosts[name]["ansible_connection"] = "mailops.exchange.rpc"
    variables: dict[str, Any] = {
        "ansible_connection": "mailops.exchange.winrm",
        "ansible_user": f"{world.prefix}\\exadmin",
        "ansible_password": lab.password("exadmin"),
        # time passes faster here; at speed 0 the lab itself decides when, and clients must not wait at all
        "mailops_exchange_time_scale": world.clock.speed or 1000,
        "mailops_exchange_poll_interval": 15,
        "mailops_exchange_update": estate["updates"][0],
        "mailops_exchange_catalogue": [str(folder.resolve() / CATALOGUE)],
        "mailops_exchange_setup_user": f"{world.prefix}\\exsetup",
        "mailops_exchange_setup_password": lab.password("exsetup"),
        "mailops_exchange_share_user": f"{world.prefix}\\updshare",
        "mailops_exchange_share_password": lab.password("updshare"),
        "mailops_exchange_directory": {
            "uri": f"ldaps://{lab.controller_address}:{lab.ldaps_port}",
            "user": f"exadmin@{world.domain}",
            "password": lab.password("exadmin"),
            "ca_file": str(folder.resolve() / AUTHORITY),
        },
    }
    return {"all": {"children": {"exchange_servers": {"hosts": hosts, "vars": variables}}}}


def write_files(lab: Lab, folder: Path) -> None:
    """Write inventory, catalogue and certificates; what holds secrets is readable for nobody else."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / CATALOGUE, _yaml(catalogue(lab)))
    _write(folder / AUTHORITY, lab.authority.pem)
    certificate, key = lab.authority.client(f"{lab.world.prefix}\\exadmin", lab.world.domain)
    _write(folder / CLIENT_CERTIFICATE, certificate)
    _write(folder / CLIENT_KEY, key, secret=True)
    _write(folder / INVENTORY, _yaml(inventory(lab, folder)), secret=True)


def _yaml(content: dict[str, Any]) -> str:
    return "---\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=200)


def _write(path: Path, text: str, *, secret: bool = False) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600 if secret else 0o644)
    path.write_text(text, encoding="utf-8")
