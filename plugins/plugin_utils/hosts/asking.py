# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several questions to a host at once: by one line of cmd.exe, where a channel has nothing better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from . import registry, services
from .errors import Unreadable
from .models import Answers

if TYPE_CHECKING:
    from .session import Session


def ask(
    session: Session,
    lines: Sequence[str],
    values: Sequence[str],
    trees: Sequence[str],
    subkeys: Sequence[str],
    names: Sequence[str],
) -> Answers:
    """See ``Session.ask``."""
    registry_lines = registry.lines_for(values, trees, subkeys)
    service_lines = services.lines_for(names)
    outputs = session.run_all([*lines, *registry_lines, *service_lines])
    first, second = len(lines), len(lines) + len(registry_lines)
    return Answers(
        outputs=outputs[:first],
        registry=registry.reading(session, values, trees, subkeys, outputs[first:second]),
        services=services.found(session, names, outputs[second:]),
    )


def ahead(
    session: Session,
    lines: Sequence[str],
    values: Sequence[str],
    trees: Sequence[str],
    subkeys: Sequence[str],
    names: Sequence[str],
) -> None:
    """See ``Session.ask_ahead``. Where the answers cannot be told apart, each question is asked when its time comes."""
    wanted = Counter([*lines, *registry.lines_for(values, trees, subkeys), *services.lines_for(names)])
    session.ahead.clear()
    with suppress(Unreadable):
        outputs = session.run_all(list(wanted), timeout=900)
        session.ahead.update({line: [output] * wanted[line] for line, output in zip(wanted, outputs, strict=True)})
