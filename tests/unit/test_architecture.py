# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may know whom: read from the import statements of every file, without running any of them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.mailops.exchange."
ANSIBLE = ("ansible", "ansible_collections")

UTILS = "plugins/plugin_utils"
# What the files of a folder may import of this project besides their own folder; the first match counts. Nothing
# points upwards: action -> exchange, cluster -> hosts, and rolling knows only plain data.
LAYERS: list[tuple[str, tuple[str, ...]]] = [
    (f"{UTILS}/hosts", ()),
    (f"{UTILS}/cluster", (f"{UTILS}/hosts",)),
    (f"{UTILS}/exchange", (f"{UTILS}/cluster", f"{UTILS}/hosts")),
    (f"{UTILS}/rolling", ()),
    (f"{UTILS}/gates", (f"{UTILS}/hosts/errors",)),  # pure like rolling; bad input is refused in the same words
    (UTILS, (UTILS,)),  # the private files beside the folders: what the actions share
    ("plugins/connection", (f"{UTILS}/hosts", f"{UTILS}/_connection")),
    ("plugins/callback", (f"{UTILS}/rolling",)),
    ("plugins/inventory", (f"{UTILS}/exchange", f"{UTILS}/hosts")),
    ("plugins/action", (UTILS,)),
    ("plugins/modules", ()),  # documentation only
    ("plugins/doc_fragments", ()),
    ("lab", ()),
]
# Below the actions, the connection and the callback nothing knows Ansible; the lab does not know it at all.
WITHOUT_ANSIBLE = (
    f"{UTILS}/hosts",
    f"{UTILS}/cluster",
    f"{UTILS}/exchange",
    f"{UTILS}/rolling",
    f"{UTILS}/gates",
    "lab",
)


def python_files(*folders: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(source: str, path: str) -> Iterator[str]:
    """Yield what a file imports: ``plugins.x.y`` or ``lab.x`` for the project's own, else the module's name."""
    package = PurePosixPath(path).parent.parts
    for node in ast.walk(ast.parse(source, path)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            base += [node.module] if node.module else []
            # `from .. import hosts`: the name itself may be the package
            names = [".".join([*base, alias.name]) for alias in node.names]
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names = [str(node.args[0].value)]
        yield from (name.removeprefix(COLLECTION) for name in names)


def inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def violations(source: str, path: str) -> list[str]:
    """Return one line for each import that the design does not allow."""
    folder, allowed = next((entry for entry in LAYERS if inside(path, entry[0])), ("", ()))
    found = []
    for name in imported(source, path):
        target = name.replace(".", "/")
        own = target.startswith(("plugins/", "lab/")) or target in ("plugins", "lab")
        if own and not any(inside(target, each) for each in (folder, *allowed)):
            found.append(f"{path} imports {name}")
        if name.split(".")[0] in ANSIBLE and any(inside(path, each) for each in WITHOUT_ANSIBLE):
            found.append(f"{path} imports {name}")
    return found


@pytest.mark.parametrize("path", python_files("plugins", "lab"))
def test_no_import_points_upwards_or_across(path: str) -> None:
    assert violations((ROOT / path).read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize("path", python_files("plugins"))
def test_every_plugin_has_a_place(path: str) -> None:
    assert any(inside(path, folder) for folder, allowed in LAYERS), f"{path}: no layer of the design"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lab/world.py", f"from {COLLECTION}plugins.plugin_utils.hosts import commands"),
        ("lab/shell/run.py", "from ...plugins.plugin_utils.hosts.commands import quote"),
        ("lab/world.py", "import ansible.constants"),
        ("lab/world.py", "import importlib\nimportlib.import_module('plugins.plugin_utils.hosts')"),
        (f"{UTILS}/hosts/session.py", "from ..cluster.model import ClusterState"),
        (f"{UTILS}/hosts/session.py", "from .. import cluster"),
        (f"{UTILS}/hosts/session.py", "def late():\n    from ansible.errors import AnsibleError"),
        (f"{UTILS}/cluster/read.py", "from ..exchange import info"),
        (f"{UTILS}/exchange/info.py", "from .._action import Action"),
        (f"{UTILS}/rolling/plan.py", "from ..hosts.errors import HostError"),
        (f"{UTILS}/rolling/plan.py", "import ansible"),
        ("plugins/action/cluster_info.py", f"from {COLLECTION}lab.world import World"),
        ("plugins/callback/change_record.py", f"from {COLLECTION}plugins.plugin_utils.hosts.clock import Clock"),
    ],
)
def test_a_forbidden_import_is_seen(path: str, source: str) -> None:
    assert len(violations(source, path)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lab/shell/run.py", "from ..world import World\nfrom .parser import parse\nimport yaml"),
        (f"{UTILS}/hosts/winrm.py", "from .session import Session\nfrom . import errors\nimport pypsrp"),
        (f"{UTILS}/cluster/read.py", "from ..hosts.session import Session"),
        ("plugins/action/cluster_info.py", f"from {COLLECTION}plugins.plugin_utils._action import Action"),
        ("plugins/connection/winrm.py", "from ansible.plugins.connection import ConnectionBase"),
    ],
)
def test_an_import_downwards_is_allowed(path: str, source: str) -> None:
    assert violations(source, path) == []


def string_constants(path: str) -> Iterator[str]:
    """Yield the strings of a file that are more than documentation."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"), path)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


@pytest.mark.parametrize(("folder", "foreign"), [("lab", "plugin_utils"), ("plugins/plugin_utils", "lab/data")])
def test_no_table_is_shared_by_its_path(folder: str, foreign: str) -> None:
    assert [path for path in python_files(folder) if any(foreign in text for text in string_constants(path))] == []


# Where the module's name is not that of its distribution.
DISTRIBUTIONS = {"yaml": "pyyaml", "spnego": "pyspnego", "Cryptodome": "pycryptodomex"}


def test_requirements_are_what_is_imported() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    declared = {found[0].lower() for line in lines if (found := re.match(r"[A-Za-z][\w.-]*", line))}
    used = set()
    for path in python_files("plugins", "lab"):
        for name in imported((ROOT / path).read_text(encoding="utf-8"), path):
            top = name.split(".")[0]
            if top not in {*sys.stdlib_module_names, *ANSIBLE, "plugins", "lab"}:
                used.add(DISTRIBUTIONS.get(top, top).lower())
    assert used == declared
