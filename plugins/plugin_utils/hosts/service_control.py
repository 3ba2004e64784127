# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What depends on a service, and its start type, by sc.exe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import console
from .commands import command, quote
from .errors import CommandFailed, Refused, Unreadable

if TYPE_CHECKING:
    from .session import Session

# As sc.exe calls them ("start= demand") [V].
_WORDS = {"auto": "auto", "manual": "demand", "disabled": "disabled", "boot": "boot", "system": "system"}
# sc.exe's own buffer holds 1 KB; this is the most that Server 2003 without a service pack takes [R].
_BUFFER = 65535
_NAME = re.compile(r"^(?! )[^:\n]+:[ \t]*(\S[^\n]*?)[ \t]*$")


def dependents(session: Session, name: str) -> list[str]:
    """Names of the services that depend on this one, running or not, in the order of the service control manager.

    That is the reverse of their start order (EnumDependentServices [V]). Raises CommandFailed where there is no such
    service, Unreadable for an answer of another form.
    """
    output = session.run(f"sc enumdepend {quote(name)} {_BUFFER}", changes=False)
    if output.exit_code != 0:
        raise CommandFailed(
            f"what depends on the service {name} of {session.host} cannot be read: error {output.exit_code}, "
            f"{console.first_line(output.text)}",
            exit_code=output.exit_code,
            output=output.text,
            service=name,
        )
    return parse_dependents(output.stdout)


def parse_dependents(text: str) -> list[str]:
    """Names of the services in the output of ``sc enumdepend``: the first title row of each block with two numbers.

    The titles are translated, so that only the form counts: a row that begins with a word in the first column and has
    a colon, in a block that also has the rows of a service's type and state. Raises Unreadable when the number of
    services that the first line tells is another.
    """
    names = []
    for block in re.split(r"\n[ \t]*\n", console.lines_end(text)):
        lines = block.strip("\n").split("\n")
        rows = [line for line in lines if re.match(r"\s+[^:]+?\s*:\s+[0-9a-fA-F]+\s+\S", line)]
        title = next((found for found in map(_NAME.match, lines) if found), None)
        if title and len(rows) >= 2:
            names.append(title[1])
    told = re.match(r"[^=\n]*=\s*(\d+)", console.first_line(text))
    if told and int(told[1]) != len(names):
        raise Unreadable(f"sc.exe tells of {told[1]} services that depend, but {len(names)} can be read")
    return names


def set_start_type(session: Session, name: str, start_type: str) -> None:
    """Change how a service is started: auto, manual or disabled. Raises Refused for another word, CommandFailed."""
    word = _WORDS.get(start_type)
    if word is None:
        raise Refused(f"{start_type} is no start type of a service; {', '.join(_WORDS)} are")
    # sc.exe wants a blank behind "start=" [V].
    session.change(
        command("sc", "config", quote(name), "start=", word), f"making the service {name} start as {start_type}"
    )
