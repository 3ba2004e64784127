# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line: rehearse, serve, stop, check."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import EstateError
from .rehearsal import GOOD, STOPPED, Request, load, rehearse
from .serving import InUse, claimed, serve, serve_detached, stop

EXAMPLE = Path(__file__).with_name("estates") / "example.yml"
INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    top = argparse.ArgumentParser(prog="lab", description="A simulated estate of Windows servers with Exchange.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str, *, estate: bool = True, out: bool = True) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        if estate:
            one.add_argument("estate", nargs="?", type=Path, default=EXAMPLE, help="the estate (default: the example)")
            one.add_argument("--faults", type=Path, help="file with faults that strike meanwhile")
        if out:
            folder = Path("build") / "rehearsal"
            text = "folder for what is written (default: %(default)s)"
            one.add_argument("--out", type=Path, default=folder, help=text)
        return one

    about = "Run the playbooks against the estate and let the referee judge. What follows -- goes to ansible-playbook."
    run = command("rehearse", about)
    run.add_argument("--check", action="store_true", help="run the playbooks in check mode")
    listen = command("serve", "Only listen, until the process is told to end.")
    listen.add_argument("--detach", action="store_true", help="go on in the background; return when it listens")
    listen.add_argument("--ready", type=int, help=argparse.SUPPRESS)
    command("stop", "End a detached lab.", estate=False)
    command("check", "Check an estate (and faults) without starting anything.", out=False)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    extra: list[str] = []
    if "--" in given:
        place = given.index("--")
        given, extra = given[:place], given[place + 1 :]
    options = parser().parse_args(given)
    if extra and options.command != "rehearse":
        parser().error("arguments after -- go to ansible-playbook, which only rehearse starts")
    try:
        if options.command == "rehearse":
            return _rehearse(options, extra)
        if options.command == "serve":
            if options.detach:
                return serve_detached(options.estate, options.out, options.faults)
            return serve(options.estate, options.out, options.faults, options.ready)
        if options.command == "stop":
            return stop(options.out)
        return _check(options)
    except KeyboardInterrupt:
        return INTERRUPTED


def _rehearse(options: argparse.Namespace, extra: list[str]) -> int:
    request = Request(options.estate, options.out, options.check, options.faults, tuple(extra))
    # an orderly end by kill is the same as Ctrl-C: the playbook must not be left behind
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        load(options.estate, options.faults)
        with claimed(options.out):
            return rehearse(request)
    except (EstateError, InUse, OSError) as error:
        print(error, file=sys.stderr)
        return STOPPED


def _interrupt(*unused: object) -> None:
    raise KeyboardInterrupt


def _check(options: argparse.Namespace) -> int:
    try:
        estate, faults = load(options.estate, options.faults)
    except EstateError as error:
        print(error, file=sys.stderr)
        return STOPPED
    hosts, clusters = estate["hosts"], estate["clusters"]
    servers = sum(len(cluster["virtual_servers"]) for cluster in clusters.values())
    counted = f"{len(hosts)} hosts, {len(clusters)} clusters, {servers} virtual servers, {len(faults)} faults"
    print(f"{options.estate} is good: {counted}; update {', '.join(estate['updates'])}")
    return GOOD
