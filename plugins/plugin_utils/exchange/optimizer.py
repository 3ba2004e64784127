# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The Performance Optimizer of Exchange 5.5, which has to run after each service pack (KB 328839, C2).

It runs without a window from an answer file [V, Q175283]. It stops the services of Exchange that run, sets values of
the registry and starts the services again; Key Management Server, which it cannot start, makes it hang [V, Q263718], so
that this service is stopped before and started after it. On a cluster the registry checkpoints bring the old values
back [V, Q278464]: there it is a step for a person, and refused here.

``C:\mailops\roll\optimizer.json`` says how far it is, wherever a run is cut off: ``due`` from before the service pack,
``begun`` with everything of Exchange that ran, gone when it has come to its end and all of that runs again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..hosts import logs
from ..hosts.commands import command, quote
from ..hosts.errors import ConnectionLost, HostError, Refused, Unreachable, WaitTimeout
from ..hosts.jobs import Job, JobState
from ..hosts.session import Session
from . import services55, tuning
from .catalogue import STAGING_ROOT
from .exchange55 import OPTIMIZER_NOTE, facts, read_optimizer_note
from .host_notes import remove_json, write_json
from .info import SETUP_KEY, WINDOWS_KEY, read_marks
from .install import start_job
from .optimizer_log import Log, read_log

FOLDER = rf"{STAGING_ROOT}\optimizer"
TASK = "mailops-optimizer"
ANSWERS_FILE = "perfopt.inf"
REPORTED_FILE = "reported.txt"
SETTINGS = ("users", "org_users", "server_type", "limit_memory")
_GONE = (Unreachable, ConnectionLost)
_TYPES = {"public": 1, "private": 2, "connectors": 4, "several_servers": 8, "pop3": 16}
_MOST = {"users": 5, "org_users": 4}
_NOT_ENDED = "not ended in time"
_UNKNOWN: dict[str, Any] = {"update": None, "optimizer": None, "tuning_saved": False, "stopped": {}}


def answers(settings: Mapping[str, Any] | None) -> list[str]:
    """The lines of the answer file. ``settings``: what the site knows of the server; all of it may be left out.

    ``users`` (0 to 5) and ``org_users`` (0 to 4) as Perfopt.inf numbers them, ``server_type`` (names of what the server
    does), ``limit_memory`` (megabytes); or ``answer_file``: the whole text, in the site's own words. What is not given
    is not written, so that the program's own default counts; disks are never analysed and files never moved [I, for a
    run after a service pack], and the services are started again. Raises Refused for what it cannot mean.
    """
    given = {name: value for name, value in (settings or {}).items() if value not in (None, "", [])}
    whole = given.pop("answer_file", None)
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise _wrong(f"{unknown[0]} is none of its settings", f"Known are answer_file, {', '.join(SETTINGS)}")
    if whole is not None:
        if given:
            raise _wrong("the whole answer file and single settings are both given", "Give one or the other")
        lines = str(whole).replace("\r\n", "\n").strip("\n").split("\n")
        if not any(line.strip().casefold() == "[perfwiz]" for line in lines):
            raise _wrong("the answer file has no section [Perfwiz]", "Begin it with the line [Perfwiz]")
        return lines
    lines = ["[Perfwiz]"]
    for name, key in (("users", "Users"), ("org_users", "Org Users")):
        if name in given:
            lines.append(f"{key}={_whole(name, given[name], _MOST[name])}")
    if "server_type" in given:
        lines.append(f"Server Type={_server_type(given['server_type'])}")
    lines += ["Dont Restart=0", "Analyze Disks=0", "Move Files=0"]
    if "limit_memory" in given:
        lines.append(f"Limit Memory Usage={_whole('limit_memory', given['limit_memory'], 1 << 20, 1)}")
    return lines


def mark_due(session: Session, update: str) -> bool:
    """Note, before a service pack is installed, that the Performance Optimizer is due after it. False: noted already.

    One that was begun and not finished stays so. The level of the host is noted too: as long as it has not changed, the
    service pack was not installed, and nothing is due (see ``exchange55.optimizer_due``).
    """
    note = read_optimizer_note(session)
    if note is not None and note["optimizer"] is not None:
        return False
    marks = read_marks(session)
    due = {"update": update, "optimizer": "due", "level": [marks["service_pack"], marks["build"]]}
    write_json(session, OPTIMIZER_NOTE, {**_UNKNOWN, **(note or {}), **due})
    return True


def mark_saved(session: Session, values: tuning.Values) -> None:
    """Note that the values which it sets have been saved, with them: so they are on the host too."""
    note = read_optimizer_note(session) or dict(_UNKNOWN)
    write_json(session, OPTIMIZER_NOTE, {**note, "tuning_saved": True, "tuning": values})


def saved_values(session: Session) -> tuning.Values | None:
    """The values that were saved; None where they were not."""
    note = read_optimizer_note(session) or {}
    values = note.get("tuning")
    return dict(values) if note.get("tuning_saved") and values and tuning.is_values(values) else None


def run(
    session: Session,
    *,
    settings: Mapping[str, Any] | None = None,
    account: str | None = None,
    password: str | None = None,
    timeout: float = 3600,
    service_timeout: float = 600,
) -> dict[str, Any]:
    """Run it, or go on with a run that was begun; nothing where none is noted as due. Judge how it ended.

    ``account``: a local administrator, as which the job runs. ``timeout``: seconds until WaitTimeout; it goes on then.
    Returns ``changed``, ``success``, ``problems``, ``exit_code``, ``set`` (what its log says that it set), ``changes``
    (values that are not as they were saved, see ``tuning.differences``).
    """
    started = session.clock.now()
    lines = answers(settings)
    note = read_optimizer_note(session)
    if note is None or note["optimizer"] is None:
        return _result(changed=False, problems=[], exit_code=None, log=Log(), changes=[])
    services55.check_alone(session)
    job = Job(session, FOLDER, TASK)
    state = job.observe()
    report = session.read_text(_path(REPORTED_FILE))
    late = (report or "").strip() == _NOT_ENDED and state.phase == "finished" and state.exit_code == 0
    if state.phase in ("finished", "interrupted") and report is not None and not late:
        # A run that is started again after a failure was reported: the operator wants another attempt.
        _forget(session, job)
        state = JobState("none")
    if state.phase in ("none", "prepared", "armed"):
        # What a run that was cut off has left stopped: all that is wanted has to run when it is started [I].
        services55.restore(session, service_timeout)
        state = _begin(session, job, note, lines, account, password, service_timeout)
    else:
        session.progress(f"going on with the Performance Optimizer, which was begun ({state.phase})")
    try:
        if state.phase not in ("finished", "interrupted"):
            state = job.wait(_rest(session, started, timeout), "the Performance Optimizer")
        _program_gone(session, max(_rest(session, started, timeout), 60.0))
    except WaitTimeout as error:
        error.remedy = _hanging(session)
        session.write_text(_path(REPORTED_FILE), [_NOT_ENDED])
        raise
    return _conclude(session, job, state, service_timeout)


def restore(session: Session, timeout: float) -> dict[str, Any]:
    """Start again what a run of it has stopped, where it does not run any more. For `rescue`. Idempotent.

    Returns ``changed``, ``before`` and ``after`` (service -> running or stopped).
    """
    note = read_optimizer_note(session)
    if note is None or not note["stopped"]:
        return {"changed": False, "before": {}, "after": {}}
    hangs = (session.read_text(_path(REPORTED_FILE)) or "").strip() == _NOT_ENDED
    if hangs and all(word == "running" for word in services55.now(session, facts()["services"]["core"]).values()):
        # It hangs because it cannot start Key Management Server; all the rest it has started by then [V, Q263718].
        session.progress("the Performance Optimizer does not end; what it has left stopped is started")
    elif _alive(session) or Job(session, FOLDER, TASK).observe().phase in ("armed", "running"):
        session.progress("the Performance Optimizer still runs: it is left to its end, and starts what it has stopped")
        return {"changed": False, "before": {}, "after": {}}
    before, gone = services55.start_again(session, note["stopped"], timeout, OPTIMIZER_NOTE)
    after = {name: entry["state"] for name, entry in note["stopped"].items() if name not in gone}
    return {"changed": before != after, "before": before, "after": after}


def _begin(
    session: Session,
    job: Job,
    note: Mapping[str, Any],
    lines: Sequence[str],
    account: str | None,
    password: str | None,
    service_timeout: float,
) -> JobState:
    """Note what runs, stop Key Management Server, start the job."""
    if not account or not password:
        raise Refused(
            "an account and its password are needed to run the Performance Optimizer",
            remedy="Give an account that is a local administrator.",
        )
    if _alive(session):
        raise Refused(
            f"the Performance Optimizer is not started: it runs on {session.host} already",
            remedy="Let it end, or end it, and start again.",
        )
    table = facts()
    running = services55.to_stop(session)
    # What ran when an earlier attempt began counts: since then something may have been left stopped.
    ran = {**running, **note["stopped"]}
    idle = [name for name in table["services"]["core"] if name not in ran]
    if idle:
        raise Refused(
            f"the Performance Optimizer is not started: {', '.join(idle)} of {session.host} does not run",
            remedy="Start the services of Exchange: it starts those again that ran when it was started (Q263718).",
        )
    program, log = _program(session)
    if session.file_size(program) is None:
        raise Refused(
            f"there is no {program} on {session.host}",
            remedy="Find out where the Performance Optimizer is; run it by hand, then delete"
            f" {OPTIMIZER_NOTE} on the host.",
        )
    write_json(session, OPTIMIZER_NOTE, {**note, "optimizer": "begun", "stopped": ran})
    stopped = sorted(set(ran) - set(running))
    if stopped:
        services55.start_again(session, {name: ran[name] for name in stopped}, service_timeout, OPTIMIZER_NOTE)
    management = table["services"]["key_management"]
    if management in ran:
        session.progress(f"stopping {management}, with which the Performance Optimizer would never end (Q263718)")
        session.stop_service(management, service_timeout)
    session.make_dir(FOLDER)
    session.write_text(_path(ANSWERS_FILE), lines)
    session.progress(f"starting the Performance Optimizer: {', '.join(lines[1:])}")
    # From its own folder [V, Q175283]. A literal percent sign is written twice in a command file.
    texts = [
        f"cd /d {quote(program.rpartition(chr(92))[0])}",
        command(quote(program), "-f", _path(ANSWERS_FILE)),
    ]
    return start_job(job, [text.replace("%", "%%") for text in texts], account, password, log)


def _conclude(session: Session, job: Job, state: JobState, service_timeout: float) -> dict[str, Any]:
    """Judge a run that has ended, and start again what ran before."""
    note = read_optimizer_note(session) or dict(_UNKNOWN)
    found = read_log(job.log_lines(["Set ", *facts()["optimizer"]["failure"]]), facts()["optimizer"]["failure"])
    problems: list[dict[str, str]] = []
    again = "Look at the host and its Perfopt.log, remove the cause and start again."
    if state.phase == "interrupted":
        cut = "by a restart of the host" if state.restart_since else "without leaving an exit code"
        problems.append({"what": f"the Performance Optimizer was cut off {cut}", "remedy": again})
    elif state.exit_code:
        # No exit codes of it are documented: that 0 alone is success is [U].
        what = f"the Performance Optimizer ended with exit code {state.exit_code}"
        problems.append({"what": what, "remedy": again})
    problems += [{"what": f"its log says: {line}", "remedy": again} for line in found.failures]
    services55.start_again(session, note["stopped"], service_timeout, OPTIMIZER_NOTE)
    saved = saved_values(session)
    changes = tuning.differences(saved, tuning.read(session)) if saved is not None else []
    if problems:
        session.write_text(_path(REPORTED_FILE), [f"exit code {state.exit_code}"])
    else:
        _forget(session, job)
        session.delete(_path(ANSWERS_FILE))
        # Last: as long as it is there, a run that was cut off goes on.
        remove_json(session, OPTIMIZER_NOTE)
    return _result(changed=True, problems=problems, exit_code=state.exit_code, log=found, changes=changes)


def _program(session: Session) -> tuple[str, str | None]:
    """Where the program lies and where its log is written: below the install root, and below Windows' folder."""
    setup, windows = session.registry_many([SETUP_KEY, WINDOWS_KEY])
    root, system = _text(setup, "services").rstrip("\\"), _text(windows, "systemroot").rstrip("\\")
    if not root:
        raise Refused(
            f"where Exchange is installed on {session.host} cannot be read from {SETUP_KEY}",
            remedy="Run the Performance Optimizer by hand.",
        )
    table = facts()["optimizer"]
    return f"{root}\\{table['program']}", f"{system}\\{table['log']}" if system else None


def _alive(session: Session) -> bool:
    image = facts()["optimizer"]["image"].casefold()
    return any(name.casefold() == image for name, unused in session.processes())


def _program_gone(session: Session, timeout: float) -> None:
    def probe() -> bool | None:
        return None if _alive(session) else True

    session.wait(probe, what="the Performance Optimizer to end", timeout=timeout, tolerate=_GONE)


def _hanging(session: Session) -> str:
    """What to do about one that does not end, with what its log says of the cause."""
    said = ""
    try:
        log = _program(session)[1]
        failure = facts()["optimizer"]["failure"]
        lines = logs.new_lines(session, log, 0, failure) if log else []
        said = f" Its log says: {lines[-1].strip()}." if lines else ""
    except HostError as error:
        session.progress(f"its log cannot be read: {error.message}")
    image = facts()["optimizer"]["image"]
    return (
        f"It was not ended: {image} may wait for an answer in a window that nobody sees (with Key Management Server it"
        f" never ends, Q263718).{said} See whether all services of Exchange run, end {image} on the host (kill.exe or"
        " the Task Manager), then start the run again: the Performance Optimizer is then run anew."
    )


def _forget(session: Session, job: Job) -> None:
    # The report goes first: one that outlived its job would be taken for that of the next one.
    session.delete(_path(REPORTED_FILE))
    job.clear()


def _result(
    *, changed: bool, problems: list[dict[str, str]], exit_code: int | None, log: Log, changes: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "changed": changed,
        "success": not problems,
        "problems": problems,
        "exit_code": exit_code,
        "set": [vars(entry) for entry in log.entries],
        "changes": changes,
    }


def _whole(name: str, value: Any, most: int, least: int = 0) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise _wrong(f"{name} is {value!r}", f"Give a whole number from {least} to {most}")
    return int(text)


def _server_type(value: Any) -> int:
    names = [value] if isinstance(value, str) else list(value) if isinstance(value, list) else [repr(value)]
    for name in names:
        if name not in _TYPES:
            raise _wrong(f"server_type names {name!r}", f"Known are {', '.join(_TYPES)}")
    return sum(_TYPES[name] for name in set(names))


def _wrong(what: str, remedy: str) -> Refused:
    return Refused(f"settings of the Performance Optimizer: {what}", remedy=f"{remedy} (mailops_exchange_optimizer).")


def _text(values: Mapping[str, Any] | None, name: str) -> str:
    return next((str(data) for key, (unused, data) in (values or {}).items() if key.lower() == name), "")


def _path(name: str) -> str:
    return f"{FOLDER}\\{name}"


def _rest(session: Session, started: float, timeout: float) -> float:
    return max(timeout - (session.clock.now() - started), 0.0)
