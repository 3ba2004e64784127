# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base classes of every action: arguments, session, check mode, results, errors and secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar, cast

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ._results import Times, hide, plain, recorded_step, secret_values, sentence
from ._warm import warm_up
from .cluster.read import NotAnswering, read_cluster
from .exchange import catalogue
from .exchange.catalogue import CatalogueError
from .hosts.clock import Clock
from .hosts.errors import ConnectionLost, HostError, ReadOnlyViolation, Refused, Unreachable, WaitTimeout
from .hosts.session import Session
from .rolling.problems import NoPlan

TRANSPORTS = "mailops.exchange."
# How often a host that may be starting is asked again after it has refused the logon.
REFUSED_LOGONS = 2
_ACCESS_DENIED = 5
# What the user did wrong or what a server answered: a sentence and a remedy, never a traceback.
EXPECTED = (HostError, CatalogueError, NoPlan)

display = Display()
T = TypeVar("T")


warm_up()


class ControlAction(ActionBase):
    """An action that runs on the control node and sends nothing to the task's host.

    A subclass names its arguments in ``spec`` (and rules among them in ``rules``) and does its work in
    ``perform_here``, which returns the keys that it adds to the result.
    """

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    spec: ClassVar[dict[str, Any]] = {}
    rules: ClassVar[dict[str, Any]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate the arguments, do the work and return the result."""
        super().run(task_vars=task_vars)
        own = (task_vars or {}).get("inventory_hostname") or "localhost"
        self._host_name = str(self._task.delegate_to or own)
        self._said: list[str] = []
        # The name in messages about arguments: as the task says it, not a module path.
        self._load_name = self._task.action
        validated = self.validate_argument_spec(self.spec, **self.rules)[1]
        options = plain({name: validated.get(name) for name in self.spec})
        self._secrets = sorted(set(self._known_secrets(options)), key=len, reverse=True)
        self._options = options
        result = self._attempt(options)
        result.setdefault("changed", False)
        result.setdefault("failed", False)
        result.setdefault("msg", "")
        if options.get("step"):
            result["step"] = recorded_step(options["step"])
        if self._task.diff and "before" in result and "after" in result and "diff" not in result:
            result["diff"] = {"before": result["before"] or {}, "after": result["after"] or {}}
        return cast("dict[str, Any]", hide(plain(result), self._secrets))

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the work; every subclass has its own."""
        raise NotImplementedError

    def _known_secrets(self, options: dict[str, Any]) -> Iterator[str]:
        yield from secret_values(self.spec, options)

    def _attempt(self, options: dict[str, Any]) -> dict[str, Any]:
        times = Times(Clock())
        try:
            result = self.perform_here(options)
        except EXPECTED as error:
            result = self._failure(error, changed=False)
        return {**result, **times.ended()}

    def _say(self, text: str) -> None:
        """Show a line of progress while the task still runs."""
        line = str(hide(text, self._secrets))
        self._said.append(line)
        # A session puts its host's name before what it says.
        display.display(line if line.startswith(f"{self._host_name}: ") else f"{self._host_name}: {line}")

    def _show(self, text: str) -> None:
        """Show a whole page, such as a table: on the terminal it reads better than in a result."""
        display.display(f"\n{hide(text, self._secrets)}".rstrip())

    def _failure(self, error: Exception, *, changed: bool) -> dict[str, Any]:
        """Return the result of a task that failed for a known reason."""
        details = dict(getattr(error, "details", None) or {})
        message = str(getattr(error, "message", "") or error)
        result: dict[str, Any] = {"failed": True, "changed": changed, "msg": sentence(message)}
        for key in ("remedy", "trouble", "exit_code", "output", "problems", "events", "exchange"):
            detail = details.pop(key, None)
            value = getattr(error, key, None)
            value = detail if value is None else value
            if value not in (None, ""):
                result[key] = sentence(value, capital=True) if key == "remedy" else value
        if details:
            result["details"] = details
        if changed and self._said:
            result["progress"] = self._said
        return result

    def update(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the update's entry of the catalogue; how a package is proved may be overridden by ``verify``.

        Files of the site's own catalogue are looked for where Ansible looks for files of a role or a play. Raises
        CatalogueError for a mistake in the catalogue, Refused for an update that is not in it.
        """
        return self.known_updates(options, [options["update"]])[options["update"]]

    def known_updates(self, options: dict[str, Any], keys: list[str]) -> dict[str, dict[str, Any]]:
        """Return the whole catalogue; raises like ``update`` where one of the keys is not in it."""
        known = catalogue.load([str(self._find_needle("files", path)) for path in options["catalogue"]])
        for key in keys:
            if key not in known:
                raise Refused(
                    f"the catalogue knows no update {key}",
                    remedy=f"It knows {', '.join(sorted(known))}; give a file with the site's own entries as catalogue",
                )
        if options.get("verify"):
            verify = "sha256" if options["verify"] == "hash" else "size"
            known = {
                key: {**update, "package": {**update["package"], "verify": verify}} for key, update in known.items()
            }
        return known


class HostAction(ControlAction):
    """An action on one host through a session of one of the collection's connections.

    A subclass does its work in ``perform``. In check mode the session is read-only: ``perform`` looks and checks, and
    the first call that would change the host ends it, with what ``observe`` sees and ``wanted`` asks for as the
    result. When the task carries the planned step, check mode calls neither and answers from the plan.
    """

    _requires_connection = True

    repeatable = True
    """Whether the action may be performed once more after a change whose answer got lost."""

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Observe, act and return what to add to the result; every subclass has its own."""
        raise NotImplementedError

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return the state that the action is about, in the words of a step; sends nothing that changes the host."""
        return {}

    def reach(self, session: Session, read: Callable[[], T], seconds: float) -> T:
        """Return what ``read`` returns, tried again for so many seconds while the host does not answer.

        A host that is starting refuses connections first, and then the logon. Raises Unreachable with the last answer.
        """
        last: list[HostError] = []
        refused_logons = 0

        def attempt() -> tuple[T] | None:
            nonlocal refused_logons
            last.clear()
            try:
                # In a tuple: that there is nothing to be read is an answer too.
                return (read(),)
            except (Unreachable, NotAnswering) as error:
                # A wrong password, tried for minutes, would lock the account.
                refused_logons += _refuses(error)
                if refused_logons > REFUSED_LOGONS:
                    raise
                last[:] = [error]
                session.reconnect()
                return None

        try:
            return session.wait(attempt, what="the host to answer", timeout=seconds)[0]
        except WaitTimeout:
            if last:
                raise last[0] from None
            raise

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return ``before`` and ``after`` of a change that check mode does not make."""
        before = self.observe(session, options)
        return {"before": before, "after": {**before, **self.wanted(options, {})}}

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what of the step's ``after`` follows from the arguments; a plan that says otherwise is refused."""
        return {}

    def predict(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the result that the plan predicts: check mode, where nothing has really changed yet."""
        before, after = step.get("before") or {}, step.get("after") or {}
        for key, value in self.wanted(options, step).items():
            if key in after and not _same(after[key], value):
                return {
                    "failed": True,
                    "msg": f"The planned step ends with {key} = {after[key]}, but the task asks for {value}.",
                    "remedy": "Give the task the values of the step that it carries out.",
                    "before": before,
                    "after": after,
                }
        return {
            # The plan knows of changes that the words of a state do not show: resources of a group, one by one.
            "changed": bool(step.get("changed", before != after)),
            "before": before,
            "after": after,
            "msg": "Predicted by the plan; nothing was sent to the host.",
        }

    def _known_secrets(self, options: dict[str, Any]) -> Iterator[str]:
        yield from super()._known_secrets(options)
        for name in ("password", "certificate_key_password"):
            try:
                value = self._connection.get_option(name)
            except KeyError:
                continue
            if value:
                yield str.__str__(value)

    def _attempt(self, options: dict[str, Any]) -> dict[str, Any]:
        transport = str(getattr(self._connection, "transport", ""))
        if not transport.startswith(TRANSPORTS):
            raise AnsibleActionFail(
                f"{self._task.action} needs a connection of this collection, but the connection of this host is "
                f"{transport or 'unknown'}: set ansible_connection to {TRANSPORTS}winrm."
            )
        if getattr(self._connection, "become", None) is not None:
            raise AnsibleActionFail(
                f"{self._task.action} does not support become: it acts as the user of the connection."
            )
        step = options.get("step")
        if self._task.check_mode and step:
            times = Times(Clock())
            return {**self.predict(options, step), **times.ended()}
        return self._attempt_on_host(options)

    def _attempt_on_host(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            session: Session = cast("Any", self._connection).open_session(self._task.check_mode, self._say)
        except HostError as error:
            raise self._unreachable(error) from None
        # Messages call the host as the inventory does, which says more than an address.
        session.host = self._host_name
        with session:
            times = Times(session.clock)
            try:
                result = self._performed(session, options)
            except EXPECTED as error:
                result = self._host_failure(error, session)
            return {**result, **times.ended()}

    def _performed(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.perform(session, options)
        except ConnectionLost as error:
            if not self.repeatable:
                raise
            # Every action looks before it acts: what has happened already is not done again.
            self._say(f"{sentence(error.message)} Looking what became of it, and going on.")
            session.reconnect()
            result = self.perform(session, options)
            events = [*error.details.get("events", []), *result.get("events", [])]
            return {**result, "changed": True, **({"events": events} if events else {})}
        except ReadOnlyViolation:
            # Check mode: everything was looked at and allowed, and the first changing call was due.
            return {"changed": True, "msg": "This would be changed.", **self.preview(session, options)}

    def _unreachable(self, error: HostError) -> AnsibleConnectionFailure:
        parts = [sentence(error.message)] + ([sentence(error.remedy, capital=True)] if error.remedy else [])
        return AnsibleConnectionFailure(hide(" ".join(parts), self._secrets))

    def _host_failure(self, error: Exception, session: Session) -> dict[str, Any]:
        """Return the failed result, or raise UNREACHABLE for a host that is lost before any change.

        After a change it must not be: Ansible's UNREACHABLE would drop ``changed`` and skip ``rescue`` and ``always``.
        """
        if isinstance(error, Unreachable) and not session.mutated:
            raise self._unreachable(error) from None
        result = self._failure(error, changed=session.mutated)
        if isinstance(error, Unreachable | ConnectionLost):
            result["msg"] += " The host was lost after this task had begun to change it."
            result.setdefault("remedy", "Look at the host, then start the run again: it goes on from what it finds.")
        return result


def _refuses(error: HostError) -> bool:
    """Whether a host answered and let the account not in: wrong password, or no right (error 5 of WS-Management)."""
    failed = type(error.__cause__ or error.__context__).__name__ == "AuthenticationError"
    return failed or error.details.get("fault") == _ACCESS_DENIED


def _same(one: Any, other: Any) -> bool:
    """Whether two values say the same: Windows' names differ in nothing but case."""
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return bool(one == other)


def observed_group(session: Session, name: str, *, resources: bool = False) -> dict[str, Any]:
    """Return owner and state of a cluster group, and the states of its resources, in the words of a step."""
    state = read_cluster(session)
    group = state.groups[state.find_group(name) or name]
    found: dict[str, Any] = {"owner": group.owner, "state": group.state}
    if resources:
        found["resources"] = {key: resource.state for key, resource in state.resources_of(name).items()}
    return found


__all__ = ["ControlAction", "HostAction", "Session", "observed_group"]
