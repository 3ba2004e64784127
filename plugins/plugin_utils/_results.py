# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result is made of: plain data, without secrets, with the moments of its task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .hosts.clock import Clock, RehearsalClock

HIDDEN = "********"
# What of a planned step goes into the change record.
RECORDED = ("index", "host", "cluster", "step", "object", "phase", "unpredictable", "reason")


def plain(value: Any) -> Any:
    """Return ``value`` as plain JSON types, whatever tagged or lazy types Ansible made of them.

    Raises TypeError for anything that JSON does not know: a mistake in an action, never in the user's input.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [plain(inner) for inner in (sorted(value) if isinstance(value, set | frozenset) else value)]
    raise TypeError(f"{type(value).__name__} is no JSON type")


def failure(shown: Mapping[str, Any], words: str, problems: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return the result ``shown`` as a failed one: ``words`` with what is wrong, and each remedy once.

    problems: ``what`` and ``remedy`` of each.
    """
    what = "; ".join(problem["what"].rstrip(".") for problem in problems)
    remedy = " ".join(dict.fromkeys(problem["remedy"] for problem in problems))
    return {**shown, "failed": True, "msg": f"{words}: {what}.", "remedy": remedy}


def hide(value: Any, secrets: Sequence[str]) -> Any:
    """Return plain JSON ``value`` with every one of ``secrets`` replaced in all of its strings, keys too."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, dict):
        return {hide(key, secrets): hide(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [hide(inner, secrets) for inner in value]
    return value


def secret_values(spec: Mapping[str, Any], options: Any) -> Iterator[str]:
    """Yield the values in ``options`` that ``spec`` marks as secret, in suboptions too."""
    if isinstance(options, list):
        for inner in options:
            yield from secret_values(spec, inner)
    elif isinstance(options, Mapping):
        for name, rules in spec.items():
            value = options.get(name)
            if rules.get("no_log") and value not in (None, ""):
                yield str(value)
            elif rules.get("options"):
                yield from secret_values(rules["options"], value)


def moment(epoch: float) -> str:
    """Return epoch seconds as ISO 8601, UTC."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")


def sentence(text: str, *, capital: bool = False) -> str:
    """Return ``text`` with an end mark; with a capital first only where asked, because it may begin with a name."""
    text = text.strip()
    text = text[:1].upper() + text[1:] if capital else text
    return f"{text}." if text and text[-1] not in ".!?:" else text


class Times:
    """When a task began and ended, by the clock of its session.

    The clock of a rehearsal knows the estate's time from the first answer on only: the task then began with that.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin now."""
        self._clock = clock
        self._began = clock.now()
        if isinstance(clock, RehearsalClock):
            self._watch(clock)

    def _watch(self, clock: RehearsalClock) -> None:
        seen = clock.seen

        def first(epoch: float) -> None:
            self._began = epoch
            clock.seen = seen  # type: ignore[method-assign]
            seen(epoch)

        clock.seen = first  # type: ignore[method-assign]

    def ended(self) -> dict[str, str]:
        """Return ``started`` and ``ended`` as ISO 8601, UTC."""
        now = self._clock.now()
        return {"started": moment(min(self._began, now)), "ended": moment(now)}


def recorded_step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a planned step what the change record keeps of it."""
    return {key: step[key] for key in RECORDED if key in step}
