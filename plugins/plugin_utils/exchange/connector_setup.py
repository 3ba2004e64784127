# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The setup of Active Directory Connector from a service pack, by a job on the host or by a person, exactly once.

A silent switch of it was not found, so that a person runs it unless the site gives a command line. The evidence is the
version of adc.exe. Before anything is begun a note is written on the host; it stays until ``clear``, after the schema
maps have been compared: so a run that was cut off in between compares them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..cluster.drive import patient
from ..hosts.commands import Raw, check_name, command, quote
from ..hosts.errors import CommandFailed, ConnectionLost, HostError, Refused, Unreachable, WaitTimeout
from ..hosts.jobs import Job, JobState
from ..hosts.session import Session
from .catalogue import STAGING_ROOT, fill, fill_folder, staging_folder
from .connector import NOTE, facts, meant, program_of, reached, read_connector
from .host_notes import read_json, remove_json, write_json
from .install import CONFLICTING, WAITING_FILE, start_job
from .package import share_opened

FOLDER = rf"{STAGING_ROOT}\connector"
TASK = "mailops-connector"
REPORTED_FILE = "reported.txt"
_GONE = (Unreachable, ConnectionLost)
_SETTLING = 600.0
"""Seconds for the connector's service to run again after its setup."""
_UNMANNED = (
    "Take the customisations over into copies of the service pack's own local.map and remote.map (ADC\\I386), put them"
    " on the host, and name them in mailops_exchange_connector_maps; or give the hashes of the files that Microsoft"
    " shipped in mailops_exchange_connector_shipped_maps, where the installed ones are not customised."
)


def upgrade(
    session: Session,
    updates: Sequence[Mapping[str, Any]],
    *,
    method: str = "operator",
    line: str | None = None,
    maps: Mapping[str, str | None] | None = None,
    shipped: Sequence[str] = (),
    source: str | None = None,
    package: str | None = None,
    share_user: str | None = None,
    share_password: str | None = None,
    account: str | None = None,
    password: str | None = None,
    stated: bool = False,
    timeout: float = 3600,
) -> dict[str, Any]:
    r"""Have the connector upgraded, or go on with an upgrade that was begun.

    ``method`` ``command``: a job runs ``line`` (with {folder} for the folder of the setup) as ``account``, after the
    package was unpacked where it is not; ``operator``: a person is told, and the evidence is waited for. ``maps``:
    customised new files for ``local`` and ``remote``, see
    ``stage_maps``, which are put into the setup's folder first. ``source``: that
    folder on the host; by default ``ADC\I386`` below the unpacked service pack. ``package``: its file on the host.
    ``stated``: somebody has signed that the maps of the setup may be taken as they are.
    ``timeout``: seconds until WaitTimeout; the setup goes on then.

    Returns ``changed``, ``success``, ``problems``, ``exit_code``, ``restart_required``, ``before`` and ``after`` (as
    ``read_connector``). Refused where customised maps would be lost.
    """
    started = session.clock.now()
    before = read_connector(session, updates, shipped, maps)
    if before is None or not before["due"]:
        return _result(False, before, before, [], None, False)
    update = meant(updates, before["version"])
    if update is None:
        raise Refused(
            "no service pack of this run brings an Active Directory Connector like the one of the host",
            remedy="Name the service pack whose connector is to be installed.",
        )
    job = Job(session, FOLDER, TASK)
    state = job.observe()
    if state.phase in ("finished", "interrupted") and session.read_text(_path(REPORTED_FILE)) is not None:
        # A run that is started again after a failure was reported: the operator wants another attempt.
        job.clear()
        session.delete(_path(REPORTED_FILE))
        state = JobState("none")
    idle = state.phase in ("none", "prepared", "armed")
    if idle and reached(before["version"], update):
        # Begun by a run that was cut off, and done by now.
        return _conclude(session, updates, update, before, state, shipped, maps, _rest(session, started, timeout))
    if idle:
        folder = source or rf"{staging_folder(update)}\files\{facts()['package_folder']}"
        _check(session, update, before, stated=stated)
        if read_json(session, NOTE) is None:
            ran = before["state"] not in ("stopped", "stop_pending")
            write_json(session, NOTE, {"update": update["id"], "version": before["version"], "ran": ran})
        staged = stage_maps(session, maps or {}, share_user, share_password)
        if method == "operator":
            _by_operator(session, updates, update, before, folder, staged, _rest(session, started, timeout))
            return _conclude(session, updates, update, before, state, shipped, maps, _rest(session, started, timeout))
        if not account or not password:
            raise Refused(
                "an account and its password are needed to run the setup of the connector",
                remedy="Give an account that is a local administrator and Exchange Full Administrator.",
            )
        lines = _lines(session, update, folder, staged, line, package)
        session.progress(f"starting the setup of Active Directory Connector from {update['title']} as {account}")
        state = start_job(job, lines, account, password, None)
    else:
        session.progress(f"going on with the setup of Active Directory Connector that was begun ({state.phase})")
    if state.phase not in ("finished", "interrupted"):
        state = job.wait(_rest(session, started, timeout), "the setup of Active Directory Connector")
    return _conclude(session, updates, update, before, state, shipped, maps, _rest(session, started, timeout))


def clear(session: Session) -> bool:
    """Forget the upgrade: its job and, last, the note. False where there was nothing."""
    job = Job(session, FOLDER, TASK)
    there = job.observe().phase != "none"
    if there:
        job.clear()
    for name in facts()["files"].values():
        session.delete(_path(name))
    if read_json(session, NOTE) is None:
        return there
    # Last: as long as it is there, a run that was cut off goes on.
    remove_json(session, NOTE)
    return True


def _check(session: Session, update: Mapping[str, Any], found: Mapping[str, Any], *, stated: bool) -> None:
    """Refuse where the setup must not be started now."""
    if found["custom_maps"] is not False and not found["maps_given"] and not stated:
        files = facts()["files"]
        own = [f"{files[kind]} ({word})" for kind, word in found["maps"].items() if word != "shipped"]
        raise Refused(
            f"Active Directory Connector of {session.host} is not upgraded: its map files are, or may be, customised"
            f" ({', '.join(own)}), and customised new ones are not given",
            remedy=_UNMANNED,
        )
    names = {name.lower() for name in (*CONFLICTING, *update["processes"])}
    busy = sorted({image for image, unused in session.processes() if image.lower() in names})
    if busy:
        raise Refused(
            f"the setup of Active Directory Connector is not started: {', '.join(busy)} runs on {session.host}",
            remedy="Let it end, or end it, and start again.",
        )


def stage_maps(
    session: Session, maps: Mapping[str, str | None], user: str | None = None, password: str | None = None
) -> dict[str, str]:
    """Copy the customised new map files into the job's folder: name of the file -> its path there.

    ``maps``: ``local`` and ``remote``, paths of the host, or on shares that are opened as ``user``. Refused where there
    is no such file.
    """
    staged: dict[str, str] = {}
    for kind, name in facts()["files"].items():
        origin = maps.get(kind)
        if not origin:
            continue
        session.make_dir(FOLDER)
        with share_opened(session, origin, user, password):
            _copy(session, check_name(origin, f"path of the customised {name}"), _path(name))
        staged[name] = _path(name)
    return staged


def _copy(session: Session, origin: str, target: str) -> None:
    """Copy a small file on the host, and see that it is complete."""
    size = session.file_size(origin)
    if size is None:
        raise Refused(
            f"there is no file {origin} on {session.host}, or it cannot be read from there",
            remedy="See the paths in mailops_exchange_connector_maps: of the host, or on a share that the share user"
            " may read.",
        )
    session.change(
        command("copy", Raw("/y"), Raw("/b"), quote(origin), quote(target)), f"copying {origin} on {session.host}"
    )
    if session.file_size(target) != size:
        raise CommandFailed(
            f"{target} is not complete after it was copied on {session.host}", remedy="See whether the disk is full."
        )


def _lines(
    session: Session,
    update: Mapping[str, Any],
    folder: str,
    staged: Mapping[str, str],
    line: str | None,
    package: str | None,
) -> list[str]:
    """What the job runs: unpack where that is needed, customised maps, setup. For a command file: % is doubled."""
    setup = f"{folder}\\{facts()['setup']}"
    lines = []
    if session.file_size(setup) is None:
        if not update["extract"] or package is None:
            raise Refused(
                f"there is no {setup} on {session.host}, and the service pack cannot be unpacked there",
                remedy="Unpack it on the host and name its folder ADC\\I386 in mailops_exchange_connector_source, or"
                " use the method operator.",
            )
        lines.append(fill(update["extract"], update, package))
    lines += [
        command("copy", Raw("/y"), Raw("/b"), quote(path), quote(f"{folder}\\{name}")) for name, path in staged.items()
    ]
    lines.append(fill_folder(line, folder, "Active Directory Connector", "mailops_exchange_connector_command"))
    return [text.replace("%", "%%") for text in lines]


def _by_operator(
    session: Session,
    updates: Sequence[Mapping[str, Any]],
    update: Mapping[str, Any],
    before: Mapping[str, Any],
    folder: str,
    staged: Mapping[str, str],
    timeout: float,
) -> None:
    """Tell a person what to do and wait for the evidence."""
    started = session.clock.now()
    minutes = max(int(timeout // 60), 1)
    unpacked = session.file_size(f"{folder}\\{facts()['setup']}") is not None
    if unpacked:
        for name, path in staged.items():
            _copy(session, path, f"{folder}\\{name}")
    instructions = [
        f"connector: {update['id']}",
        f"host: {session.host}",
        "what: run the setup of Active Directory Connector from the folder ADC\\I386 of this service pack on this host"
        " now, as an Exchange Full Administrator",
        f"folder: {folder if unpacked else 'as the site keeps it'}",
        *([f"maps: first copy {' and '.join(staged.values())} into that folder"] if staged and not unpacked else []),
        "restart: leave it for later, should the setup ask for one; it is listed as due then",
        f"until: {minutes} minutes after this file was written; the playbook sees by itself when it is done",
    ]
    session.make_dir(FOLDER)
    session.write_text(_path(WAITING_FILE), instructions)
    for text in instructions[1:]:
        session.progress(text)

    def seen() -> bool | None:
        program = before["program"] or _program(session)
        return True if program and reached(session.file_version(program), update) else None

    try:
        session.wait(
            patient(session, seen),
            what="somebody to upgrade Active Directory Connector",
            timeout=timeout,
            tolerate=_GONE,
        )
        names = {facts()["setup"].lower()}
        session.wait(
            patient(
                session,
                lambda: None if any(image.lower() in names for image, unused in session.processes()) else True,
            ),
            what="the setup of Active Directory Connector to end",
            timeout=max(_rest(session, started, timeout), 60.0),
            tolerate=_GONE,
        )
    except WaitTimeout as error:
        error.remedy = f"Run the setup of the connector from {update['title']} on the host by hand, then start again."
        raise
    finally:
        try:
            session.delete(_path(WAITING_FILE))
        except HostError as error:
            session.progress(f"{_path(WAITING_FILE)} is left behind: {error.message}")


def _conclude(
    session: Session,
    updates: Sequence[Mapping[str, Any]],
    update: Mapping[str, Any],
    before: Mapping[str, Any],
    state: JobState,
    shipped: Sequence[str],
    maps: Mapping[str, str | None] | None,
    rest: float,
) -> dict[str, Any]:
    """Judge the setup: its exit code where there is one, the version, and whether the service runs as before."""
    problems: list[dict[str, str]] = []
    restart = False
    again = "Look at the host, remove the cause and start again."
    if state.phase == "interrupted":
        cut = "by a restart of the host" if state.restart_since else "without leaving an exit code"
        problems.append({"what": f"the setup of Active Directory Connector was cut off {cut}", "remedy": again})
    elif state.exit_code is not None:
        meaning = update["exit_codes"].get(state.exit_code & 0xFFFFFFFF)
        restart = bool(meaning and meaning["success"] and meaning["restart"])
        if meaning is None or not meaning["success"]:
            word = meaning["meaning"] if meaning else "its meaning is not known"
            what = f"the setup of Active Directory Connector ended with exit code {state.exit_code}: {word}"
            problems.append({"what": what, "remedy": again})
    note = read_json(session, NOTE) or {}
    if note.get("ran") and not problems:
        problems += _service_runs(session, min(max(rest, 60.0), _SETTLING))
    after = read_connector(session, updates, shipped, maps)
    version = after["version"] if after else None
    if not reached(version, update):
        what = f"adc.exe has the version {version or '(not known)'}, and {update['title']} brings a later one"
        problems.append({"what": what, "remedy": again})
    if not problems:
        if state.phase == "finished":
            # The account's password is kept by Windows as long as the task is there.
            Job(session, FOLDER, TASK).remove_task()
    elif state.phase in ("finished", "interrupted"):
        session.write_text(_path(REPORTED_FILE), [f"exit code {state.exit_code}"])
    return _result(True, before, after, problems, state.exit_code, restart)


def _service_runs(session: Session, timeout: float) -> list[dict[str, str]]:
    """What is to be said when the connector's service, which ran before, does not run again in time."""
    name = facts()["service"]

    def runs() -> bool | None:
        found = session.services([name]).get(name)
        return True if found is not None and found.state == "running" else None

    try:
        session.wait(runs, what=f"the service {name} to run", timeout=timeout, tolerate=_GONE)
    except WaitTimeout:
        what = f"the service {name} ran before the setup of the connector, and does not run now"
        return [{"what": what, "remedy": "See the host's event logs, start the service, and start the run again."}]
    return []


def _program(session: Session) -> str | None:
    key = rf"HKLM\SYSTEM\CurrentControlSet\Services\{facts()['service']}"
    return program_of(session.registry_values(key) or {})


def _result(
    changed: bool,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    problems: list[dict[str, str]],
    exit_code: int | None,
    restart: bool,
) -> dict[str, Any]:
    return {
        "changed": changed,
        "success": not problems,
        "problems": problems,
        "exit_code": exit_code,
        "restart_required": restart,
        "before": dict(before) if before else None,
        "after": dict(after) if after else None,
    }


def _path(name: str) -> str:
    return f"{FOLDER}\\{name}"


def _rest(session: Session, started: float, timeout: float) -> float:
    return max(timeout - (session.clock.now() - started), 0.0)
