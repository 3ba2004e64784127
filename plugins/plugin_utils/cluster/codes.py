# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the exit codes of cluster.exe mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from ..hosts.errors import CommandFailed
from ..hosts.session import Output

_SYSTEM_ERROR = re.compile(r"\b(\d{2,5})\b[^\n]*\(0x([0-9a-fA-F]{8})\)")


@dataclass(frozen=True)
class Code:
    """An exit code: what it means and what to make of it (pending, retry, done, failed)."""

    number: int
    name: str
    meaning: str
    kind: str
    remedy: str = ""


@cache
def _codes() -> dict[int, Code]:
    with Path(__file__).with_name("data").joinpath("errors.yml").open(encoding="utf-8") as file:
        table = yaml.safe_load(file)
    return {number: Code(number, **entry) for number, entry in table.items()}


def explain_code(output: Output) -> Code:
    """The meaning of how cluster.exe ended; an unknown code is a failure.

    The code is taken from the exit code. Where that is a plain 1, the first line of the message
    (``System error 5078 has occurred (0x000013d6).``, seen in captures) carries the number.
    """
    number = output.exit_code & 0xFFFFFFFF
    if number == 1:
        match = _SYSTEM_ERROR.search(output.text)
        if match and int(match[1]) == int(match[2], 16):
            number = int(match[1])
    return _codes().get(number, Code(number, "UNKNOWN", "cluster.exe failed", "failed"))


def failure(what: str, output: Output) -> CommandFailed:
    """The exception for a command of cluster.exe that failed."""
    code = explain_code(output)
    return CommandFailed(
        f"{what}: {code.meaning} (exit code {code.number}, {code.name})",
        exit_code=output.exit_code,
        output=output.text,
        remedy=code.remedy or "Look into the System log of the node (source ClusSvc).",
    )
