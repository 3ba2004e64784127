# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Components of Exchange 5.5 that a service pack does not touch (KB 328839, C3), brought to its level.

Mailbox Manager has a setup; no silent form of it was found, so that a person runs it unless the site gives a command
line. InterOrg Replication is two files: its service is stopped, they are copied over the old ones, it is started again
([I]: Q238573 says that copying installs them). The evidence is the file version of the program behind the service.

The services that this stops, or that ran before a setup, are noted with those of Exchange (``services55``), so that a
run that was cut off leaves none of them stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..cluster.drive import patient
from ..hosts.commands import Raw, command, quote
from ..hosts.errors import CommandFailed, ConnectionLost, HostError, Refused, Unreachable, WaitTimeout
from ..hosts.jobs import Job, JobState
from ..hosts.session import Session
from . import services55
from .catalogue import STAGING_ROOT, fill, fill_folder, staging_folder
from .exchange55 import addon_programs, facts, is_due, read_addons
from .install import CONFLICTING, WAITING_FILE, start_job

REPORTED_FILE = "reported.txt"
_GONE = (Unreachable, ConnectionLost)


def newest(updates: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last service pack of Exchange 5.5 among these updates: it is the one whose add-ons are meant."""
    found = [update for update in updates if update["product"] == "5.5" and update["kind"] == "service_pack"]
    return found[-1] if found else None


def folder_of(name: str) -> str:
    r"""The add-on's own folder on a host: ``C:\mailops\addon-<name>``."""
    return rf"{STAGING_ROOT}\addon-{name.replace('_', '-')}"


def upgrade(
    session: Session,
    name: str,
    updates: Sequence[Mapping[str, Any]],
    *,
    method: str = "operator",
    line: str | None = None,
    source: str | None = None,
    package: str | Callable[[], str | None] | None = None,
    account: str | None = None,
    password: str | None = None,
    timeout: float = 3600,
    service_timeout: float = 600,
) -> dict[str, Any]:
    """Bring one add-on to the level of the service pack among ``updates``; nothing where none is installed or due.

    ``method`` (Mailbox Manager): ``command``, a job runs ``line`` as ``account`` ({folder} is the setup's folder);
    ``operator``, a person is told what to do and the evidence is waited for. ``source``: root of the unpacked service
    pack on the host, where it does not lie with the update's own files; ``package``: the file it is unpacked from, or
    what finds it out, asked where it has to be unpacked (to prove it takes minutes).
    Returns ``changed``, ``success``, ``problems``, ``exit_code``, ``before`` and ``after`` (``version``, ``due``; null:
    not installed).
    """
    if name not in facts()["addons"]:
        raise Refused(f"{name} is no add-on that is known", remedy=f"Known are {', '.join(facts()['addons'])}.")
    update = newest(updates)
    if update is None:
        raise Refused(
            "no service pack of Exchange 5.5 is among the updates",
            remedy="Name the one whose add-ons are to be installed.",
        )
    build = int(update["result"]["build"])
    before = read_addons(session, build).get(name)
    if before is None or not before["due"]:
        return _result(False, [], None, before, before)
    deadline = session.clock.now() + timeout
    work = _Work(session, name, update, source, package, account, password, service_timeout, deadline)
    title = facts()["addons"][name]["title"]
    session.progress(f"bringing {title} ({before['version'] or 'version not known'}) to {update['title']}")
    problems: list[dict[str, str]] = []
    service = facts()["addons"][name]["service"]
    services55.note(session, services55.noted(session.services([service])))
    exit_code: int | None = None
    try:
        if facts()["addons"][name].get("setup"):
            exit_code, problems = work.by_setup(method, line)
        else:
            work.by_copying(service)
    finally:
        # Also after a failure: the service of the old one is better than none.
        if not work.running:
            services55.restore(session, service_timeout)
    after = read_addons(session, build).get(name)
    if after is None or after["due"]:
        found = (after or {}).get("version") or "(not known)"
        what = f"the program of {title} has the version {found}, and {update['title']} brings a later one ({build})"
        problems.append({"what": what, "remedy": "Look at the host, remove the cause and start again."})
    work.end(problems, exit_code)
    return _result(True, problems, exit_code, before, after)


def clear(session: Session, name: str) -> bool:
    """Forget the job of an add-on's setup; False where there is none."""
    job = Job(session, folder_of(name), f"mailops-addon-{name}")
    if job.observe().phase == "none":
        return False
    session.delete(f"{folder_of(name)}\\{REPORTED_FILE}")
    job.clear()
    return True


class _Work:
    """One add-on, one upgrade."""

    def __init__(
        self,
        session: Session,
        name: str,
        update: Mapping[str, Any],
        source: str | None,
        package: str | Callable[[], str | None] | None,
        account: str | None,
        password: str | None,
        service_timeout: float,
        deadline: float,
    ) -> None:
        self.session, self.name, self.update, self.package = session, name, update, package
        self.account, self.password = account, password
        self.service_timeout, self.deadline = service_timeout, deadline
        self.table: dict[str, Any] = facts()["addons"][name]
        root = (source or rf"{staging_folder(update)}\files").rstrip("\\")
        self.folder = rf"{root}\{self.table['folder']}"
        self.source_given = source is not None
        self.job = Job(session, folder_of(name), f"mailops-addon-{name}")
        self.running = False

    # ---- its own setup --------------------------------------------------------------------------------

    def by_setup(self, method: str, line: str | None) -> tuple[int | None, list[dict[str, str]]]:
        """Have the setup run; returns its exit code (None: a person ran it) and what is wrong."""
        setup = f"{self.folder}\\{self.table['setup']}"
        state = self._state()
        if state.phase in ("none", "prepared", "armed"):
            command_line = (
                None
                if method == "operator"
                else fill_folder(line, self.folder, str(self.table["title"]), "mailops_exchange_addon_commands")
            )
            self._nothing_else_runs()
            self._unpack(setup)
            if command_line is None:
                self._by_person(setup)
                return None, []
            state = self._start(self.job, command_line)
        else:
            self.session.progress(f"going on with the setup of {self.table['title']}, which was begun ({state.phase})")
        state = self._see_to_the_end(self.job, state)
        if state.phase == "interrupted":
            cut = "by a restart of the host" if state.restart_since else "without leaving an exit code"
            return None, [_problem(f"the setup of {self.table['title']} was cut off {cut}")]
        meaning = self.update["exit_codes"].get((state.exit_code or 0) & 0xFFFFFFFF)
        if meaning is None or not meaning["success"]:
            word = meaning["meaning"] if meaning else "its meaning is not known"
            what = f"the setup of {self.table['title']} ended with exit code {state.exit_code}: {word}"
            return state.exit_code, [_problem(what)]
        return state.exit_code, []

    def _by_person(self, setup: str) -> None:
        session, title = self.session, self.table["title"]
        minutes = max(int(self._rest() // 60), 1)
        instructions = [
            f"addon: {self.update['id']}",
            f"host: {session.host}",
            f"what: run the setup of {title} from {self.update['title']} on this host now, as a local administrator",
            f"program: {setup}",
            f"until: {minutes} minutes after this file was written; the playbook sees by itself when it is done",
        ]
        build = int(self.update["result"]["build"])
        session.make_dir(self.job.folder)
        session.write_text(self.job.path(WAITING_FILE), instructions)
        for text in instructions[1:]:
            session.progress(text)

        def seen() -> bool | None:
            program = addon_programs(session, [self.name])[self.name]
            return True if program and not is_due(session.file_version(program), build) else None

        def gone() -> bool | None:
            return None if self._alive([self.table["setup"]]) else True

        try:
            what = f"somebody to upgrade {title}"
            session.wait(patient(session, seen), what=what, timeout=self._rest(), tolerate=_GONE)
            rest = max(self._rest(), 60.0)
            session.wait(patient(session, gone), what=f"the setup of {title} to end", timeout=rest, tolerate=_GONE)
        except WaitTimeout as error:
            error.remedy = f"Run {setup} on the host by hand, then start again (or set mailops_exchange_addons: leave)."
            raise
        finally:
            try:
                session.delete(self.job.path(WAITING_FILE))
            except HostError as error:
                session.progress(f"{self.job.path(WAITING_FILE)} is left behind: {error.message}")

    # ---- files that are copied ------------------------------------------------------------------------

    def by_copying(self, service: str) -> None:
        """Stop the service and copy its files from the service pack over those that are there."""
        session, files = self.session, self.table["files"]
        program = addon_programs(session, [self.name])[self.name]
        if program is None:
            raise Refused(
                f"where {self.table['title']} is installed cannot be read from the service {service}",
                remedy="Copy its files by hand, or set mailops_exchange_addons to leave.",
            )
        self._unpack(f"{self.folder}\\{files[-1]}")
        for file in files:
            self._must_be_there(f"{self.folder}\\{file}")
        if service in services55.now(session, [service]):
            session.progress(f"stopping {service}")
            session.stop_service(service, self.service_timeout)
        target = program.rpartition("\\")[0]
        # The program of the service last: its version is the evidence.
        last = program.rpartition("\\")[2].casefold()
        for file in sorted(files, key=lambda file: file.casefold() == last):
            origin, place = f"{self.folder}\\{file}", f"{target}\\{file}"
            line = command("copy", Raw("/y"), Raw("/b"), quote(origin), quote(place))
            session.change(line, f"copying {file} of {self.table['title']}")
            if session.file_size(place) != session.file_size(origin):
                raise CommandFailed(
                    f"{place} is not complete after it was copied on {session.host}",
                    remedy="See whether the disk is full, then start again.",
                )

    # ---- the job --------------------------------------------------------------------------------------

    def end(self, problems: list[dict[str, str]], exit_code: int | None) -> None:
        """Forget the job after a success; after a failure keep that it was reported: the next run begins anew."""
        if not problems:
            clear(self.session, self.name)
        elif self.job.observe().phase in ("finished", "interrupted"):
            self.session.write_text(self.job.path(REPORTED_FILE), [f"exit code {exit_code}"])

    def _state(self) -> JobState:
        state = self.job.observe()
        reported = self.session.read_text(self.job.path(REPORTED_FILE)) is not None
        if state.phase in ("finished", "interrupted") and reported:
            # A run that is started again after a failure was reported: the operator wants another attempt.
            clear(self.session, self.name)
            return JobState("none")
        return state

    def _start(self, job: Job, line: str) -> JobState:
        if not self.account or not self.password:
            raise Refused(
                f"an account and its password are needed to unpack the service pack, or to run the setup of"
                f" {self.table['title']}",
                remedy="Give an account that is a local administrator.",
            )
        return start_job(job, [line.replace("%", "%%")], self.account, self.password, None)

    def _see_to_the_end(self, job: Job, state: JobState) -> JobState:
        if state.phase in ("finished", "interrupted"):
            return state
        self.running = True
        state = job.wait(self._rest(), f"the upgrade of {self.table['title']}")
        self.running = False
        return state

    def _unpack(self, file: str) -> None:
        """Unpack the service pack where that is needed; a person who installed it may have it unpacked elsewhere."""
        job = Job(self.session, self.job.path("unpack"), f"mailops-unpack-{self.name}")
        state = job.observe()
        if state.phase in ("none", "prepared", "armed"):
            if self.session.file_size(file) is not None:
                return
            package = self.package() if callable(self.package) else self.package
            if not self.source_given and self.update["extract"] and package is not None:
                state = self._start(job, fill(self.update["extract"], self.update, package))
        if state.phase != "none":
            self._see_to_the_end(job, state)
            job.clear()
        self._must_be_there(file)

    def _must_be_there(self, file: str) -> None:
        if self.session.file_size(file) is None:
            raise Refused(
                f"{self.table['title']} of {self.session.host} is not upgraded: there is no {file} in the unpacked"
                f" {self.update['title']}",
                remedy="Unpack the whole service pack on the host and name its folder (mailops_exchange_addon_source),"
                " or set mailops_exchange_addons to leave, and see to it by hand.",
            )

    def _nothing_else_runs(self) -> None:
        busy = self._alive([*CONFLICTING, *self.update["processes"]])
        if busy:
            raise Refused(
                f"the setup of {self.table['title']} is not started: {', '.join(busy)} runs on {self.session.host}",
                remedy="Let it end, or end it, and start again.",
            )

    def _alive(self, images: Sequence[str]) -> list[str]:
        names = {image.casefold() for image in images}
        return sorted({image for image, unused in self.session.processes() if image.casefold() in names})

    def _rest(self) -> float:
        return max(self.deadline - self.session.clock.now(), 0.0)


def _problem(what: str) -> dict[str, str]:
    return {"what": what, "remedy": "Look at the host, remove the cause and start again."}


def _result(
    changed: bool,
    problems: list[dict[str, str]],
    exit_code: int | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        "changed": changed,
        "success": not problems,
        "problems": problems,
        "exit_code": exit_code,
        "before": dict(before) if before else None,
        "after": dict(after) if after else None,
    }
