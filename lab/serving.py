# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab that only listens: in the foreground until it is told to end, or detached with a file that names it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .errors import EstateError
from .inventory import INVENTORY, write_files
from .rehearsal import BROKEN, GOOD, JOURNAL, STOPPED, clean, load, write_judgement
from .simulation import Lab

PID_FILE, LOG_FILE = "lab.pid", "lab.log"
#: Real seconds that a detached lab may take until it listens, and until it has ended.
START_LIMIT, STOP_LIMIT = 30.0, 20.0


class InUse(Exception):
    """Another lab writes into the folder, or nothing can be written there."""


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder: the lock on its file says that the process whose number stands there is alive."""
    path = folder / PID_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = path.open("a+", encoding="ascii")
    except OSError as error:
        raise InUse(f"{folder}: {error.strerror}; expected a folder that can be written to") from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InUse(f"{folder} is in use by a running lab (python -m lab stop --out {folder})") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running(folder: Path) -> int | None:
    """The process number of the lab that holds a folder, or None."""
    try:
        with (folder / PID_FILE).open("r+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return int(file.read().strip() or 0) or None
    except (OSError, ValueError):
        return None
    return None


def serve(estate: Path, out: Path, faults: Path | None, ready: int | None = None) -> int:
    """Listen until SIGTERM, SIGINT or SIGHUP, then write the referee's report; returns the exit status."""
    out = out.resolve()
    ended = threading.Event()
    try:
        loaded, strikes = load(estate, faults)
        with claimed(out):
            clean(out)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, lambda *unused: ended.set())
            with Lab(loaded, strikes, journal=out / JOURNAL) as lab:
                write_files(lab, out)
                print(f"The lab listens. Inventory: {out / INVENTORY}", flush=True)
                if ready is not None:
                    os.write(ready, b"ready")
                    os.close(ready)
                # a signal's handler runs only between waits of the main thread
                while not ended.wait(0.5):
                    continue
                lab.world.clock.now()
                write_judgement(lab, out)
    except (EstateError, InUse, OSError) as error:
        print(error, file=sys.stderr)
        return STOPPED
    return BROKEN if lab.trouble else GOOD


def serve_detached(estate: Path, out: Path, faults: Path | None) -> int:
    """Start `serve` in a session of its own and return when it listens."""
    out = out.resolve()
    try:
        load(estate, faults)
        if running(out):
            raise InUse(f"{out} is in use by a running lab (python -m lab stop --out {out})")
        with claimed(out):
            pass
    except (EstateError, InUse, OSError) as error:
        print(error, file=sys.stderr)
        return STOPPED
    package = (__package__ or "lab").split(".")
    root = Path(__file__).resolve().parents[len(package)]
    reading, writing = os.pipe()
    command = [sys.executable, "-m", ".".join(package), "serve", str(estate), "--out", str(out)]
    command += ["--ready", str(writing)]
    if faults:
        command += ["--faults", str(faults)]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
    with (out / LOG_FILE).open("w", encoding="utf-8") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path},
        )
    os.close(writing)
    # the pipe ends without a word when the child ends
    with os.fdopen(reading, "rb") as pipe:
        if pipe.read(5) == b"ready":
            print(f"The lab listens as process {child.pid}. Inventory: {out / INVENTORY}")
            return GOOD
    print((out / LOG_FILE).read_text(encoding="utf-8"), file=sys.stderr)
    return STOPPED


def stop(out: Path) -> int:
    """End the lab that holds a folder and wait for it; nothing to do is no mistake."""
    pid = running(out)
    if pid is None:
        print(f"No lab is running for {out}.")
        return GOOD
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT
    while time.monotonic() < deadline:
        if running(out) is None:
            return GOOD
        time.sleep(0.02)
    print(f"The lab (process {pid}) does not end.", file=sys.stderr)
    return STOPPED
