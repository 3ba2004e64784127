# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client needs to work with a running lab: inventory, catalogue of the site, certificates."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from .balancing import HARDWARE, NONE
from .connector import all_maps
from .host import Host
from .simulation import Lab

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
    site: dict[str, Any] = {}
    for key in [*lab.estate.get("prerequisites", []), *lab.estate["updates"]]:
        package = world.packages.package(key)
        described = {
            "file": package["file"],
            "path": f"\\\\{controller}\\updates\\{package['file']}",
            "sha256": package["sha256"],
            "size": package["size"],
        }
        if world.packages.fault(key).get("hash") == "unknown":
            del described["sha256"]
        site[key] = {"package": described}
        if package["kind"] == "service_pack":
            site[key] |= {"extract": EXTRACT, "command": COMMAND % package["setup"]}
    return site


def inventory(lab: Lab, folder: Path) -> dict[str, Any]:
    """An inventory of all hosts; `folder` is where `write_files` puts the other files."""
    world, estate = lab.world, lab.estate
    hosts = {name: reached(lab, host) | rotation(lab, host) for name, host in world.hosts.items()}
    controllers = {name: reached(lab, host) for name, host in world.controller_hosts.items()}
    variables: dict[str, Any] = {
        "ansible_connection": "mailops.exchange.winrm",
        "ansible_user": f"{world.prefix}\\exadmin",
        "ansible_password": lab.password("exadmin"),
        # time passes faster here; at speed 0 the lab itself decides when, and clients must not wait at all
        "mailops_exchange_time_scale": world.clock.speed or 1000,
        "mailops_exchange_poll_interval": 15,
        "mailops_exchange_update": estate["updates"] if len(estate["updates"]) > 1 else estate["updates"][0],
        "mailops_exchange_statements": statements(lab),
        "mailops_exchange_catalogue": [str(folder.resolve() / CATALOGUE)],
        "mailops_exchange_setup_user": f"{world.prefix}\\exsetup",
        "mailops_exchange_setup_password": setup_password(lab),
        # where the share with the packages is reached from the control node
        "mailops_exchange_share_address": lab.controller_address,
        "mailops_exchange_share_port": lab.smb_port,
        "mailops_exchange_share_user": f"{world.prefix}\\updshare",
        "mailops_exchange_share_password": lab.password("updshare"),
        "mailops_exchange_directory": {
            "uri": f"ldaps://{lab.controller_address}:{lab.ldaps_port}",
            "user": f"exadmin@{world.domain}",
            "password": lab.password("exadmin"),
            "ca_file": str(folder.resolve() / AUTHORITY),
        },
    }
    if lab.controller in world.machines and world.machines[lab.controller].os == "nt4":
        # a domain of Windows NT 4.0 has no directory that could be named
        del variables["mailops_exchange_directory"]
    variables |= connector(lab)
    if ((estate.get("accounts") or {}).get("exsetup") or {}).get("not_given"):
        for name in ("user", "password"):
            del variables[f"mailops_exchange_setup_{name}"]
    groups = {
        "exchange_servers": {"hosts": hosts, "vars": variables},
        "exchange_controllers": {"hosts": controllers, "vars": variables},
    }
    return {"all": {"children": groups}}


def reached(lab: Lab, host: Host) -> dict[str, Any]:
    """How a machine is reached."""
    found: dict[str, Any] = {"ansible_host": host.address, "ansible_port": host.port}
    if host.channel == "winrm":
        found["mailops_exchange_smb_port"] = lab.smb_port
    else:
        found["ansible_connection"] = "mailops.exchange.rpc"
        if host.os == "nt4":
            # it listens on port 139 only, where a NetBIOS session comes first; the lab's port stands for that one
            found["mailops_exchange_netbios_name"] = host.computer_name
    return found


def statements(lab: Lab) -> list[dict[str, Any]]:
    """What the operator has done and says so: release notes that are read, backups that no event proves."""
    return [*release_notes(lab), *old_backups(lab)]


def old_backups(lab: Lab) -> list[dict[str, Any]]:
    """NT 4.0 has no system state, and no event that shows that the registry was saved: where it was, somebody signs."""
    world = lab.world
    signed = []
    for name, machine in world.machines.items():
        saved = world.backups.saved_at(name)
        if machine.os != "nt4" or saved is None:
            continue
        when = datetime.fromtimestamp(saved, UTC).isoformat(timespec="seconds")
        said = {"hosts": [name], "who": "the lab's operator", "when": when}
        said["what"] = "saved drive C: with the registry, and renewed the emergency repair disk (rdisk /s)"
        gates = [("backup_system_state", world.hosts), ("backup_controllers", world.controller_hosts)]
        signed += [{"gate": gate} | said for gate, machines in gates if name in machines]
    return signed


def release_notes(lab: Lab) -> list[dict[str, Any]]:
    """The release notes of each update are read."""
    if not (lab.estate.get("operator") or {}).get("read_release_notes", True):
        return []
    day = lab.world.clock.datetime().strftime("%Y-%m-%d")
    return [
        {
            "gate": "release_notes",
            "update": key,
            "who": "the lab's operator",
            "when": day,
            "what": f"read the release notes of {key}",
        }
        for key in lab.estate["updates"]
    ]


def setup_password(lab: Lab) -> str:
    """The password of the setup's account as the operator believes it to be."""
    wrong = (lab.estate.get("accounts") or {}).get("exsetup") or {}
    return lab.password("exsetup")[::-1] + "x" if wrong.get("wrong_password") else lab.password("exsetup")


def connector(lab: Lab) -> dict[str, Any]:
    """What a site says of Active Directory Connector: the lab's own switch, and what the products bring."""
    settings = lab.estate.get("directory_connector")
    if not settings:
        return {}
    variables: dict[str, Any] = {
        "mailops_exchange_connector_command": '"{folder}\\setup.exe" /unattend',
        "mailops_exchange_connector_shipped_maps": sorted({sha256(each).hexdigest() for each in all_maps()}),
    }
    if settings.get("maps_given"):
        folder = f"\\\\{lab.controller}\\updates\\adc"
        maps = {"local": f"{folder}\\local.map", "remote": f"{folder}\\remote.map"}
        variables["mailops_exchange_connector_maps"] = maps
    return variables


def rotation(lab: Lab, host: Host) -> dict[str, Any]:
    """What an operator's inventory says of a load-balanced front-end; hooks where a device balances the set."""
    member = lab.world.balancing.member(host)
    if member is None:
        return {}
    variables: dict[str, Any] = {"mailops_exchange_load_balanced": member.balanced.name}
    if member.balancer == HARDWARE:
        hooks = Path(__file__).resolve().parent / "hooks"
        variables |= {"mailops_exchange_rotation": "hook", "lab_balancer": lab.balancer}
        for moment in ("state", "leave", "join"):
            variables[f"mailops_exchange_rotation_{moment}_tasks"] = str(hooks / f"balancer_{moment}.yml")
    elif member.balancer == NONE:
        variables["mailops_exchange_rotation"] = "none"
    return variables


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
