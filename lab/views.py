# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the registry shows of the simulated system: Exchange, updates, Windows, services, the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .balancing import registry_view
from .exchange2000 import suite_view
from .registry import Data, Tree, Values
from .tables import table

if TYPE_CHECKING:
    from .host import Host

SOFTWARE = "HKLM\\SOFTWARE\\Microsoft"
SYSTEM = "HKLM\\SYSTEM\\CurrentControlSet"
#: Numbers of the languages of Windows, as texts of four hexadecimal digits [V, Windows' language identifiers].
LANGUAGES = {"en": "0409", "de": "0407", "it": "0410"}
_START = {"boot": 0, "system": 1, "auto": 2, "manual": 3, "disabled": 4}


def text(value: str) -> tuple[str, Data]:
    """A REG_SZ value."""
    return ("REG_SZ", value)


def number(value: int) -> tuple[str, Data]:
    """A REG_DWORD value."""
    return ("REG_DWORD", value)


def several(values: list[str]) -> tuple[str, Data]:
    """A REG_MULTI_SZ value."""
    return ("REG_MULTI_SZ", list(values))


def exchange_setup(host: Host) -> Tree:
    """`Exchange\\Setup`: value names [V, KB texts]; that ServicePackBuild holds the build: [R]."""
    if not host.product:
        return {}
    product = table("products")["products"][host.product]
    values: Values = {
        "Services": text(product["root"]),
        "AdminDest": text(product["root"]),
        "Build": number(product["levels"][0]["build"]),
        "NewestBuild": number(host.build),
        "Services Version": number(product["services_version"]),
    }
    if host.product != "5.5":
        values["MsiInstallPath"] = text(product["root"] + "\\")
    if host.service_pack:
        values["ServicePackNumber"] = number(host.service_pack)
        values["ServicePackBuild"] = number(host.build)
    uninstall = f"{SOFTWARE}\\Windows\\CurrentVersion\\Uninstall\\Microsoft Exchange"
    return {f"{SOFTWARE}\\Exchange\\Setup": values, uninstall: {"DisplayName": text(product["title"])}}


def updates(host: Host) -> Tree:
    """Installed hotfixes, under the folder of the service pack that follows [V, security bulletins]."""
    tree: Tree = {}
    product = table("products")["products"].get(host.product) or {"prefix": "KB", "updates": "Windows Server 2003"}
    for hotfix in host.hotfixes:
        windows = table("products")["windows_hotfixes"].get(hotfix)
        name = hotfix if windows or product["prefix"] else hotfix.removeprefix("KB")
        folder = windows or host.hotfix_folders.get(hotfix) or f"{product['updates']}\\SP{host.service_pack + 1}"
        tree[f"{SOFTWARE}\\Updates\\{folder}\\{name}"] = {
            "Description": text(f"Update {hotfix}"),
            "InstalledBy": text("Administrator"),
            "PackageVersion": text("1.0"),
        }
        tree[f"{SOFTWARE}\\Updates\\{folder}\\{name}\\Filelist"] = {}
    return tree


def windows(host: Host) -> Tree:
    """Version, code pages, names and the kind of product [R]."""
    system = table("products")["systems"][host.os]
    version: Values = {
        "CurrentVersion": text(system["version"]),
        "CurrentBuildNumber": text(str(system["build"])),
        "ProductName": text(system["title"]),
        "SystemRoot": text(host.system_root),
    }
    if host.os_service_pack:
        version["CSDVersion"] = text(f"Service Pack {host.os_service_pack}")
    suites = ["Small Business"] if host.edition == "small_business" else []
    suites += ["Enterprise"] if host.edition == "enterprise" else []
    language = LANGUAGES[host.language]
    name: Values = {"ComputerName": text(host.computer_name)}
    manager: Values = {"BootExecute": several(["autocheck autochk *"])}
    if host.pending_restart:
        manager["PendingFileRenameOperations"] = several([f"\\??\\{host.system_root}\\Temp\\exchange.tmp", ""])
    return {
        f"{SOFTWARE}\\Windows NT\\CurrentVersion": version,
        f"{SYSTEM}\\Control\\Nls\\CodePage": {
            "OEMCP": text(str(host.oem_codepage)),
            "ACP": text(str(host.ansi_codepage)),
        },
        f"{SYSTEM}\\Control\\ComputerName\\ComputerName": name,
        f"{SYSTEM}\\Control\\ComputerName\\ActiveComputerName": name,
        f"{SYSTEM}\\Control\\Nls\\Language": {"InstallLanguage": text(language), "Default": text(language)},
        # LanmanNT: a domain controller
        f"{SYSTEM}\\Control\\ProductOptions": {
            "ProductType": text("LanmanNT" if host.controller else "ServerNT"),
            "ProductSuite": several(suites),
        },
        f"{SYSTEM}\\Control\\Session Manager": manager,
        f"{SYSTEM}\\Services\\Tcpip\\Parameters": {"Hostname": text(host.name), "Domain": text(host.world.domain)},
    }


def users(host: Host) -> Tree:
    """The hives of the service accounts, which only administrators may read [R]; NT 4.0 has none."""
    if host.os == "nt4":
        return {}
    values = {"TEMP": text("%USERPROFILE%\\Local Settings\\Temp")}
    return {f"HKU\\S-1-5-{account}\\Environment": values for account in (19, 20)}


def services(host: Host) -> Tree:
    """The services' own keys."""
    return {
        f"{SYSTEM}\\Services\\{service.name}": {
            "DisplayName": text(service.display),
            "ImagePath": ("REG_EXPAND_SZ", service.path or f"%SystemRoot%\\system32\\{service.image}"),
            "ObjectName": text(service.account),
            "Start": number(_START[service.start_type]),
            "Type": number(16 if service.own_process else 32),
        }
        for service in host.services.values()
    }


def shares(host: Host) -> Tree:
    """What the machine shares: a value for each share [R], whose lines are its parameters."""
    own = [root[2:].split("\\") for root in host.world.shares]
    names = [name for server, name in own if server.lower() == host.computer_name.lower()]
    parameters = ("CSCFlags=0", "MaxUses=4294967295", "Permissions=0", "Remark=", "Type=0")
    return {
        f"{SYSTEM}\\Services\\LanmanServer\\Shares": {
            name: several(sorted([*parameters, f"Path=D:\\{name}"])) for name in names
        }
    }


def cluster(host: Host) -> Tree:
    """`HKLM\\Cluster`, loaded while the Cluster service runs; layout [R]; it holds no current owner, no state [R]."""
    found = host.cluster
    if found is None or not host.service_running("ClusSvc"):
        return {}
    guid = {resource.name: resource.guid for resource in found.resources.values()}
    ids = {node.name: str(node.id) for node in found.nodes.values()}
    core = found.quorum_group
    name = next(r for r in core.resources if r.type == "Network Name")
    tree: Tree = {
        "HKLM\\Cluster": {
            "ClusterName": text(str(name.private["Name"])),
            "ClusterInstanceID": text(found.instance_id),
            "ClusterNameResource": text(name.guid),
        },
        "HKLM\\Cluster\\Quorum": {
            **({"Resource": text(guid[found.quorum_resource])} if found.quorum_known else {}),
            "Path": text(found.quorum_path),
            "MaxQuorumLogSize": number(4194304),
        },
    }
    for node in found.nodes.values():
        tree[f"HKLM\\Cluster\\Nodes\\{node.id}"] = {"NodeName": text(node.name), "Suspended": number(int(node.paused))}
    for group in found.groups.values():
        values: Values = {
            "Name": text(group.name),
            "PersistentState": number(group.persistent_state),
            "Contains": several([resource.guid for resource in group.resources]),
            **{key: number(value) for key, value in group.properties.items()},
        }
        if group.description:
            values["Description"] = text(group.description)
        if group.preferred_owners:
            values["PreferredOwners"] = several([ids[node] for node in group.preferred_owners])
        tree[f"HKLM\\Cluster\\Groups\\{group.guid}"] = values
    for resource in found.resources.values():
        key = f"HKLM\\Cluster\\Resources\\{resource.guid}"
        values = {
            "Name": text(resource.name),
            "Type": text(resource.type),
            "PersistentState": number(resource.persistent_state),
            "PossibleOwners": several([ids[node] for node in resource.possible_owners]),
            **{name: number(value) for name, value in resource.properties.items()},
        }
        if resource.depends_on:
            values["DependsOn"] = several([guid[needed] for needed in resource.depends_on])
        tree[key] = values
        tree[f"{key}\\Parameters"] = {
            name: number(value) if isinstance(value, int) else text(str(value))
            for name, value in resource.private.items()
        }
    for kind in {resource.type for resource in found.resources.values()}:
        tree[f"HKLM\\Cluster\\ResourceTypes\\{kind}"] = {
            "DllName": text("exres.dll" if "Exchange" in kind else "clusres.dll")
        }
    return tree


#: Each view, and the key below which everything that it shows lies.
VIEWS: list[tuple[str, Callable[[Host], Tree]]] = [
    (SOFTWARE, exchange_setup),
    (f"{SOFTWARE}\\Updates", updates),
    (f"{SOFTWARE}\\SmallBusinessServer", suite_view),
    ("HKLM", windows),
    ("HKU", users),
    (f"{SYSTEM}\\Services", services),
    (f"{SYSTEM}\\Services\\WLBS", registry_view),
    (f"{SYSTEM}\\Services\\LanmanServer", shares),
    ("HKLM\\Cluster", cluster),
]
