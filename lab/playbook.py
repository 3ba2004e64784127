# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running ansible-playbook as a child: its environment, its end, and its violent end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

COLLECTION = Path("ansible_collections") / "mailops" / "exchange"
PLAYBOOK = "mailops.exchange.apply"
#: Seconds that a playbook may take to end by itself after an interrupt.
GRACE = 5.0


class NoAnsible(Exception):
    """ansible-playbook is not there."""


def find_ansible() -> Path:
    """The ansible-playbook that belongs to this interpreter, else the one on the PATH; raises NoAnsible."""
    beside = Path(sys.executable).parent / "ansible-playbook"
    if beside.is_file():
        return beside
    found = shutil.which("ansible-playbook")
    if not found:
        raise NoAnsible(f"ansible-playbook is neither beside {sys.executable} nor on the PATH; install ansible-core")
    return Path(found)


def collections_path(folder: Path) -> str:
    """Where Ansible finds this collection: what is set already, where this checkout stands, or a tree in `folder`."""
    given = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")
    if any((Path(entry) / COLLECTION / "galaxy.yml").exists() for entry in given.split(":") if entry):
        return given
    root = Path(__file__).resolve().parent.parent
    if root.parts[-3:] == COLLECTION.parts:
        tree = root.parents[2]
    else:
        tree = folder / ".collections"
        link = tree / COLLECTION
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(root, target_is_directory=True)
    return f"{tree}:{given}" if given else str(tree)


def environment(folder: Path, prefix: str) -> dict[str, str]:
    """The environment of the playbook: the record goes to `folder`, nothing is asked, no proxy stands in the way."""
    env = dict(os.environ)
    callbacks = [name for name in env.get("ANSIBLE_CALLBACKS_ENABLED", "").split(",") if name]
    direct = [name for name in env.get("no_proxy", env.get("NO_PROXY", "")).split(",") if name]
    direct.append(f"{prefix}.0/24")
    env |= {
        "ANSIBLE_COLLECTIONS_PATH": collections_path(folder),
        "ANSIBLE_CALLBACKS_ENABLED": ",".join(dict.fromkeys([*callbacks, "mailops.exchange.change_record"])),
        "MAILOPS_EXCHANGE_RECORD_DIR": str(folder),
        "ANSIBLE_NOCOWS": "1",
        # What is skipped is not shown, as from a checkout.
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": env.get("ANSIBLE_DISPLAY_SKIPPED_HOSTS", "false"),
        # The hosts of a wave go side by side: with fewer forks one would wait for another.
        "ANSIBLE_FORKS": env.get("ANSIBLE_FORKS", "25"),
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "no_proxy": ",".join(direct),
        "NO_PROXY": ",".join(direct),
    }
    # Ansible wants a UTF-8 locale
    if "utf" not in (env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "").lower():
        env["LC_ALL"] = "C.UTF-8"
    return env


class Playbook:
    """One run of ansible-playbook at a time, in a process group of its own; it can be killed from another thread."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._command = find_ansible()
        self._environment = environment(folder, prefix)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()
        self._killed = threading.Event()

    def run(self, inventory: Path, arguments: list[str]) -> bool:
        """Run it to its end; returns whether `kill` ended it. KeyboardInterrupt ends it and is passed on.

        Its exit status says less than the change record that it leaves, and is not used.
        """
        command = [str(self._command), "-i", str(inventory), PLAYBOOK, *arguments]
        self._killed.clear()
        with self._guard:
            self._process = subprocess.Popen(command, env=self._environment, stdin=subprocess.DEVNULL, process_group=0)
        try:
            self._process.wait()
        except BaseException:
            self._end()
            raise
        finally:
            with self._guard:
                self._process = None
        return self._killed.is_set()

    def kill(self) -> None:
        """Kill it with everything that it started, at once; nothing happens when none is running."""
        with self._guard:
            if self._process is not None and self._process.poll() is None:
                self._killed.set()
                _kill_tree(self._process.pid)

    def _end(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(GRACE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            _kill_tree(process.pid)
            process.wait()


def _kill_tree(pid: int) -> None:
    """Kill a process and its descendants: Ansible's workers have sessions of their own, a group is not enough."""
    for victim in [pid, *_descendants(pid)]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(victim, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                # the name in parentheses may hold anything; the parent is the second field after it
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
