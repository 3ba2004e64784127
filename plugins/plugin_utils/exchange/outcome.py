# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of an installer: exit code, log and version must tell the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from . import troubles
from .catalogue import log_path


@dataclass(frozen=True)
class Outcome:
    """The verdict on an installation; ``problems`` are ``what``/``remedy`` pairs, none of them where it succeeded."""

    success: bool
    restart_required: bool
    problems: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def at_result(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> bool:
    """Whether a host shows all that the update brings (or something later): of a suite's pack each of its parts."""
    return shown_at_once(update, exchange) and _parts_there(update, exchange)


def shown_at_once(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> bool:
    """Whether a host shows of Exchange what the update brings; that is there before the restart."""
    result = update["result"]
    if update["kind"] != "service_pack":
        return result["hotfix"] in exchange["hotfixes"]
    if exchange.get("product") != update["product"]:
        return False
    service_pack, build = exchange.get("service_pack"), exchange.get("build")
    if service_pack is None or service_pack < result["service_pack"]:
        return False
    # Where the number of the service pack is later, the build is none of this update's business.
    return service_pack > result["service_pack"] or build is None or build >= result["build"]


def evident(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> bool:
    """Whether a host shows what an installation can leave to be seen: where a restart always follows, what a suite's
    pack brings beside Exchange's shows only after it.
    """
    return (shown_at_once if update["restart"] == "always" else at_result)(update, exchange)


def _parts_there(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> bool:
    """Whether a host shows what a suite's service pack brings beside Exchange's."""
    found = {
        "windows_service_pack": (exchange.get("os") or {}).get("service_pack"),
        "suite_service_pack": exchange.get("suite_service_pack"),
    }
    return all((number or 0) >= update["result"].get(part, 0) for part, number in found.items())


def relevant_phrases(update: Mapping[str, Any]) -> list[str]:
    """Everything to look for in the installer's log, in one list."""
    log = update["log"]
    return [*log["failure"], *log["final"], *log["success"], *filter(None, (log["in_use"], log["ignore"]))]


def judge(
    update: Mapping[str, Any],
    exit_code: int | None,
    log_lines: Sequence[str],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> Outcome:
    """The verdict, given the exit code (None: nobody saw one), the log since the start, and the host before and after.

    Success needs all of it: an exit code that means success, a log without a failure that was not taken
    back, no file in use, and the version or hotfix that the update brings. Anything that contradicts is a
    problem with a remedy.
    """
    problems: list[dict[str, str]] = []
    restart = False
    meaning: Mapping[str, Any] | None = None
    if exit_code is not None:
        code = exit_code & 0xFFFFFFFF
        meaning = update["exit_codes"].get(code) or update["exit_codes"].get(exit_code)
        if meaning is None:
            problems.append(
                _problem(
                    f"the installer ended with exit code {exit_code}, whose meaning is not known",
                    "Find out what it means and add it to exit_codes in a catalogue file, or read the log.",
                )
            )
        elif not meaning["success"]:
            problems.append(
                _problem(
                    f"the installer ended with exit code {exit_code}: {meaning['meaning']}",
                    f"Read the installer's log ({log_path(update) or 'none is known'}), remove the cause and start"
                    " again.",
                )
            )
        elif meaning["restart"]:
            restart = True
    elif after.get("pending_restart") and not before.get("pending_restart"):
        # A person saw the installer's end; what it asked for shows in the files that wait for a restart.
        restart = True
    restart = restart_follows(update, restart)
    problems += log_problems(update, log_lines)
    reached = evident(update, after)
    if not reached:
        problems.append(
            _problem(
                f"the host does not show {_wanted(update)}: it shows {_shown(update, after)}",
                "Read the installer's log, remove the cause and start again.",
            )
        )
    elif meaning is not None and not meaning["success"]:
        problems.append(
            _problem(
                f"the host shows {_wanted(update)} although the exit code means failure",
                "Read the installer's log; run the update again until it ends without an error.",
            )
        )
    return Outcome(success=not problems, restart_required=restart and reached, problems=problems)


def restart_follows(update: Mapping[str, Any], asked: bool) -> bool:
    """Whether a restart follows an installation by the update's own rule; ``asked``: the installer asked for one."""
    return {"always": True, "never": False}.get(update["restart"], asked)


def files_in_use(update: Mapping[str, Any], lines: Iterable[str]) -> list[str]:
    """Names of the files that the installer's log calls in use, each once."""
    phrase = update["log"]["in_use"]
    found = [_file_of(line.strip(), phrase) for line in lines if phrase and _has(line, [phrase])]
    return list(dict.fromkeys(found))


def log_problems(update: Mapping[str, Any], lines: Iterable[str]) -> list[dict[str, str]]:
    """What the log says against success.

    Setup logs expected return values as errors and takes them back with a line IGNORING PREVIOUS ERRORS
    (documented by the Exchange team): such a line discards the failure phrases since the one before it.
    ``final`` phrases and files in use are never taken back: a file in use is no success whatever the exit code is.
    """
    lines = list(lines)
    log = update["log"]
    open_errors: list[str] = []
    finals: list[str] = []
    for line in lines:
        text = line.strip()
        if log["ignore"] and _has(text, [log["ignore"]]):
            open_errors = []
        elif log["in_use"] and _has(text, [log["in_use"]]):
            continue
        elif _has(text, log["final"]):
            finals.append(text)
        elif _has(text, log["failure"]):
            open_errors.append(text)
    problems = [
        _problem(f"a file was in use during the installation: {name}", _remedy_of(name, update["product"]))
        for name in files_in_use(update, lines)
    ]
    problems += [
        _problem(f"the installer's log says: {text}", "Remove the cause and start again.")
        for text in dict.fromkeys([*open_errors, *finals])
    ]
    return problems


def _remedy_of(name: str, product: str) -> str:
    """What to do about a file in use: by its name where that is known."""
    trouble = troubles.of_file(name, product)
    if trouble is not None:
        return f"{trouble['explanation']} {trouble['remedy']}"
    return (
        "Stop the service or program that holds it (antivirus, backup agent, monitoring), then run the update again"
        " until it ends without messages."
    )


def _has(text: str, phrases: Iterable[str]) -> bool:
    folded = text.casefold()
    return any(phrase.casefold() in folded for phrase in phrases)


def _file_of(text: str, phrase: str) -> str:
    """``FileInUse:: Added to FileList: store.exe`` -> ``store.exe``."""
    rest = text[text.casefold().index(phrase.casefold()) + len(phrase) :].strip()
    introduction = "added to filelist"
    if rest.casefold().startswith(introduction):
        rest = rest[len(introduction) :].lstrip(": ")
    return rest or "(no name in the log)"


def _wanted(update: Mapping[str, Any]) -> str:
    result = update["result"]
    if update["kind"] != "service_pack":
        return str(result["hotfix"])
    return f"service pack {result['service_pack']} (build {result['build']})"


def _shown(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> str:
    if update["kind"] != "service_pack":
        return ", ".join(exchange["hotfixes"]) or "no hotfix"
    return f"service pack {exchange.get('service_pack')} (build {exchange.get('build')})"


def _problem(what: str, remedy: str) -> dict[str, str]:
    return {"what": what, "remedy": remedy}
