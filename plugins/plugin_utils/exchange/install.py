# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing an update, by a job on the host or by a person's hand, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..cluster.drive import patient
from ..cluster.read import SERVICE, read_cluster
from ..cluster.service import computer_name
from ..hosts.errors import ConnectionLost, HostError, Refused, Unreachable, WaitTimeout
from ..hosts.jobs import Job, JobState
from ..hosts.session import Session
from . import cluster55, early
from .catalogue import applies, fill, log_path, programs, staging_folder
from .databases import DATABASE_TIMEOUT, read_started
from .evidence import HandLog, in_use, keep_in_use
from .info import read_exchange, read_marks
from .outcome import Outcome, at_result, evident, judge, relevant_phrases, restart_follows

WAITING_FILE = "WAITING-FOR-OPERATOR.txt"
REPORTED_FILE = "reported.txt"
"""Stands in the folder of a job whose failure was reported: the next run may start it anew."""
CONFLICTING = cluster55.INSTALLERS
"""Programs that keep a service pack from being installed while they run (KB 328839)."""
_CLUSTERED_PRODUCTS = ("2000", "2003", "windows")
_GONE = (Unreachable, ConnectionLost)


def job_of(session: Session, update: Mapping[str, Any]) -> Job:
    """The update's job on the host."""
    return Job(session, staging_folder(update), f"mailops-{update['id']}")


def observe(session: Session, update: Mapping[str, Any], exchange: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How far the installation is: ``phase`` and ``exit_code`` of its job, and ``restart_pending``: the installer
    asked for a restart that has not been made yet.

    ``exchange`` (as ``read_exchange``): where it shows the update, ``in_use`` names the files that were in use in its
    installation, and ``unproven`` is true while there are any: such an update has to be installed again. Where it does
    not show the update, the installation has failed, and no restart is pending, whatever the installer asked for.
    ``reported``: it ended in a failure that an earlier run has told; the next attempt begins anew.
    """
    state = job_of(session, update).observe()
    if state.phase == "finished" and early.goes_on(session, update):
        # The package has returned, and what it has started goes on.
        state = JobState("running", None, state.started_boot, state.restart_since)
    held = in_use(session, update) if exchange is not None and at_result(update, exchange) else []
    reported = state.phase in ("finished", "interrupted") and _reported(session, update)
    there = not held and (exchange is None or evident(update, exchange))
    return {**_installation(update, state, there=there), "unproven": bool(held), "in_use": held, "reported": reported}


def install(
    session: Session,
    update: Mapping[str, Any],
    *,
    method: str = "command",
    package: str | None = None,
    account: str | None = None,
    password: str | None = None,
    timeout: float = 7200,
    database_timeout: float = DATABASE_TIMEOUT,
    peers: Sequence[Mapping[str, Any]] = (),
    watch: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Install the update, or go on with an installation that was begun, and judge the outcome.

    ``method`` ``command``: a job runs the catalogue's ``extract`` and ``command`` as ``account``, with ``package``
    (the file's path on the host). ``operator``: a person is told what to do, and the evidence is waited for.
    Immediately before the start invariants are read again: on a node of an Exchange 2000 or 2003 cluster the
    Cluster service is stopped, and no other installer runs. ``timeout``: seconds until ``WaitTimeout``; the
    installer goes on then. ``database_timeout``: seconds for services that are still starting when it has ended.
    ``peers``: what the other nodes of an Exchange 5.5 cluster told a moment ago (``cluster55.read_node``). ``watch``:
    called at each look while the installer runs.

    Returns ``changed``, ``success``, ``restart_required``, ``boot_time`` (when Windows was started as it began),
    ``problems``, ``exit_code``, ``log_lines``, ``before`` and ``after`` (as ``read_exchange``), ``installation`` (as
    ``observe``). A failed installation is a result with ``success`` false, not an exception. The job's files stay: the
    caller clears them (``clear``) at the end of the turn.
    """
    if method not in ("command", "operator"):
        raise Refused(f"{method} is no way to install an update", remedy="Use command or operator.")
    started = session.clock.now()
    before = read_exchange(session)
    job = job_of(session, update)
    state = job.observe()
    begun = state.phase in ("finished", "interrupted")
    if begun and _reported(session, update) and not early.goes_on(session, update):
        # A run that is started again after a failure was reported: the operator wants another attempt.
        _forget(session, update, job)
        state = JobState("none")
    idle = state.phase in ("none", "prepared", "armed")
    unproven = at_result(update, before) and bool(in_use(session, update))
    if idle and at_result(update, before) and not unproven:
        # Not begun by us and there already: somebody installed it.
        return _result(update, before, before, Outcome(True, False), state, [], changed=False)
    if not idle:
        session.progress(f"going on with the installation of {update['id']} that was begun ({state.phase})")
    elif method == "operator":
        _check_applies(session, update, before)
        check_may_install(session, update, peers)
        return _by_operator(session, update, before, package, timeout, database_timeout, watch)
    else:
        _check_applies(session, update, before)
        lines = _command_lines(update, package)
        if not account or not password:
            raise Refused(
                "an account and its password are needed to run the installer",
                remedy="Give an account that is a local administrator and Exchange Full Administrator.",
            )
        check_may_install(session, update, peers)
        session.progress(f"starting {update['title']} as {account}")
        state = start_job(job, lines, account, password, log_path(update))
    if state.phase not in ("finished", "interrupted"):
        try:
            state = job.wait(_rest(session, started, timeout), f"{update['title']} to be installed", watch)
        except WaitTimeout as error:
            error.remedy = _still_running(session, update)
            raise
    return _conclude(session, update, before, job, state, _rest(session, started, timeout), database_timeout)


def start_job(job: Job, lines: Sequence[str], account: str, password: str, log: str | None) -> JobState:
    """Start a job; where the connection is lost on the way, look how far it came and go on from there.

    Only one start can ever take the job's token, so that trying again cannot start it twice.
    """
    for attempt in (1, 2, 3):
        try:
            return job.start(lines, account, password, log)
        except ConnectionLost:
            if attempt == 3:
                raise
            job.session.reconnect()
            job.session.progress("the connection was lost while the job was being started; looking how far it came")
            state = job.observe()
            if state.phase not in ("none", "prepared", "armed"):
                return state
    raise AssertionError("not reached")


def clear(session: Session, update: Mapping[str, Any]) -> None:
    """Forget the job, at the end of the turn."""
    _forget(session, update, job_of(session, update))


def _forget(session: Session, update: Mapping[str, Any], job: Job) -> None:
    # The report goes first: one that outlived its job would be taken for that of the next one.
    session.delete(_path(update, REPORTED_FILE))
    job.clear()


def check_may_install(session: Session, update: Mapping[str, Any], peers: Sequence[Mapping[str, Any]] = ()) -> None:
    """Refuse where an installer must not be started on this host at this moment."""
    if update["product"] == cluster55.PRODUCT:
        cluster55.check_may_install(session, update, peers)
    if update["product"] in _CLUSTERED_PRODUCTS:
        found = session.services([SERVICE]).get(SERVICE)
        if found is not None and found.state != "stopped":
            raise Refused(
                f"{update['id']} is not installed: the Cluster service of this node is {found.state}{_owned(session)}",
                remedy="Move the groups to another node and stop the Cluster service first.",
            )
    names = {*CONFLICTING, *programs(update)}
    busy = sorted({image for image, unused in session.processes() if image.lower() in names})
    if busy:
        raise Refused(
            f"{update['id']} is not installed: {', '.join(busy)} runs on this host",
            remedy="Let it end, or end it, and start again.",
        )


def _check_applies(session: Session, update: Mapping[str, Any], exchange: Mapping[str, Any]) -> None:
    if applies(update, exchange):
        return
    system = exchange["os"]
    there = f"Exchange {exchange['product']}" if exchange["product"] else "no Exchange"
    raise Refused(
        f"{update['id']} is not for {session.host}, which has {there} on Windows {system['name']} with service pack"
        f" {system['service_pack']}",
        remedy="Leave the update out for this host, or choose the one for its product and system.",
    )


def _by_operator(
    session: Session,
    update: Mapping[str, Any],
    before: dict[str, Any],
    package: str | None,
    timeout: float,
    database_timeout: float,
    watch: Callable[[], None] | None,
) -> dict[str, Any]:
    """Tell a person what to do, wait for the evidence, judge it."""
    started = session.clock.now()
    minutes = max(int(timeout // 60), 1)
    instructions = [
        f"setup: {update['id']}",
        f"host: {before['computer_name'] or session.host}",
        f"what: run the setup of {update['title']} on this host now, as {_role(update)}",
        f"package: {package or update['package']['path'] or update['package']['file'] or 'as the site keeps it'}",
        "restart: leave it to the playbook, which makes it where it is needed: answer no when the setup asks",
        f"until: {minutes} minutes after this file was written; the playbook sees by itself when it is done",
    ]
    log = HandLog(session, update)
    again = evident(update, before)

    def seen() -> bool | None:
        if watch is not None:
            watch()
        if again and not log.grown():
            return None
        return True if evident(update, read_marks(session)) else None

    session.make_dir(staging_folder(update))
    session.write_text(_path(update, WAITING_FILE), instructions)
    for line in instructions[1:]:
        session.progress(line)
    try:
        session.wait(
            patient(session, seen),
            what=f"somebody to install {update['title']}",
            timeout=timeout,
            tolerate=_GONE,
        )
        early.processes_gone(session, update, _rest(session, started, timeout))
    except WaitTimeout as error:
        error.remedy = f"Run the setup of {update['title']} on the host by hand, then start again."
        raise
    finally:
        _remove(session, _path(update, WAITING_FILE))
    lines = log.new_lines()
    after = read_started(session, database_timeout)
    outcome = judge(update, None, lines, before, after)
    keep_in_use(session, update, lines, outcome.success)
    return _result(update, before, after, outcome, JobState("none"), lines, changed=True)


def _role(update: Mapping[str, Any]) -> str:
    return "a local administrator" if update["product"] == "windows" else "an Exchange Full Administrator"


def _conclude(
    session: Session,
    update: Mapping[str, Any],
    before: dict[str, Any],
    job: Job,
    state: JobState,
    rest: float,
    database_timeout: float,
) -> dict[str, Any]:
    """Judge a job that has ended."""
    # Some hotfixes return long before they are done (documented for 5.5): their processes are waited for.
    try:
        early.processes_gone(session, update, rest)
    except WaitTimeout as error:
        error.remedy = _still_running(session, update)
        if update["returns_early"]:
            # Its job has ended: once the program has gone, the next run begins anew.
            session.write_text(_path(update, REPORTED_FILE), ["not ended in time"])
        raise
    lines = job.log_lines(relevant_phrases(update))
    # Neither the next installer nor a restart may meet a store that is upgrading its databases.
    after = read_started(session, database_timeout)
    outcome = judge(update, state.exit_code, lines, before, after)
    if found := early.store_problems(update, after):
        outcome = Outcome(False, outcome.restart_required, [*outcome.problems, *found])
    if state.phase == "interrupted":
        cut = "by a restart of the host" if state.restart_since else "without leaving an exit code"
        outcome = Outcome(
            success=False,
            restart_required=False,
            problems=[
                {
                    "what": f"the installation was cut off {cut}",
                    "remedy": "Read the installer's log and the System log. Run the update's setup once more by hand"
                    f" until it ends without an error, delete the folder {staging_folder(update)} on the host, and"
                    " start again.",
                },
                *outcome.problems,
            ],
        )
    keep_in_use(session, update, lines, outcome.success)
    if outcome.success:
        # The account's password is kept by Windows as long as the task is there.
        job.remove_task()
    else:
        session.write_text(_path(update, REPORTED_FILE), [f"exit code {state.exit_code}"])
    if state.restart_since and outcome.restart_required:
        outcome = Outcome(outcome.success, False, outcome.problems)
    return _result(update, before, after, outcome, state, lines, changed=True)


def _command_lines(update: Mapping[str, Any], package: str | None) -> list[str]:
    if not update["command"]:
        raise Refused(
            f"no command line is known that installs {update['id']} without a person",
            remedy="Use the method operator, or give the site's own as command in a catalogue file.",
        )
    lines = [line for line in (update["extract"], update["command"]) if line]
    if package is None and any("{package}" in line for line in lines):
        raise Refused(f"the package of {update['id']} is not on the host", remedy="Stage the package first.")
    # A literal percent sign is written twice in a command file.
    return [fill(line, update, package or "").replace("%", "%%") for line in lines]


def _owned(session: Session) -> str:
    """Which groups this node owns, for the message alone."""
    try:
        state = read_cluster(session)
        own = state.find_node(computer_name(session))
        groups = [name for name, group in state.groups.items() if group.owner == own]
    except HostError:
        return ""
    return f", and the node owns {', '.join(groups)}" if groups else ""


def _still_running(session: Session, update: Mapping[str, Any]) -> str:
    try:
        alive = early.alive(session, update)
    except HostError:
        alive = []
    seen = f"{', '.join(alive)} still runs" if alive else "none of its processes is seen"
    return (
        f"The installer was not ended ({seen}); it may wait for an answer to a dialog that nobody sees. Look at its log"
        f" ({log_path(update) or 'unknown'}) and at the host; start again to go on waiting."
    )


def _installation(update: Mapping[str, Any], state: JobState, *, there: bool) -> dict[str, Any]:
    """See ``observe``. there: the update is on the host. Where it is not, no restart is due for it, whatever the exit
    code says: the next attempt begins anew.
    """
    code = update["exit_codes"].get(state.exit_code) if state.exit_code is not None else None
    asked = bool(code and code["success"] and restart_follows(update, code["restart"])) and there
    return {
        "phase": state.phase,
        "exit_code": state.exit_code,
        "restart_pending": state.phase == "finished" and asked and not state.restart_since,
    }


def _result(
    update: Mapping[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    outcome: Outcome,
    state: JobState,
    lines: list[str],
    *,
    changed: bool,
) -> dict[str, Any]:
    return {
        "changed": changed,
        **outcome.to_dict(),
        "exit_code": state.exit_code,
        "boot_time": state.started_boot or before["boot_time"],
        "log_lines": lines[-50:],
        "before": before,
        "after": after,
        "installation": _installation(update, state, there=outcome.success or outcome.restart_required),
    }


def _reported(session: Session, update: Mapping[str, Any]) -> bool:
    return session.read_text(_path(update, REPORTED_FILE)) is not None


def _remove(session: Session, path: str) -> None:
    try:
        session.delete(path)
    except HostError as error:
        session.progress(f"{path} is left behind: {error.message}")


def _path(update: Mapping[str, Any], name: str) -> str:
    return f"{staging_folder(update)}\\{name}"


def _rest(session: Session, started: float, timeout: float) -> float:
    return max(timeout - (session.clock.now() - started), 0.0)
