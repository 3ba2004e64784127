# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every worker of Ansible would do again for each task of each host, done once before.

A worker is a fork of ansible-playbook: what was loaded there before it started is in the worker at no cost. The first
action that is imported, in the parent, does that.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ansible.plugins.loader import connection_loader, filter_loader, test_loader

from .cluster import codes, words
from .exchange import builds, catalogue
from .gates import interfering, model
from .hosts.models import Output
from .rolling import steps

LOADS: tuple[Callable[[], object], ...] = (
    partial(connection_loader.get, "mailops.exchange.winrm", class_only=True),
    partial(filter_loader.get, "default"),
    partial(test_loader.get, "defined"),
    # Tables in YAML, which Python takes longer to read than most tasks last. Each is kept by its own function.
    catalogue.load,
    *(partial(builds.load_data, path.name) for path in sorted(builds.DATA.glob("*.yml")) if path.name != "updates.yml"),
    *(partial(model.read_data, path.name) for path in sorted(model.DATA.glob("*.yml"))),
    *(partial(words.dictionary, kind) for kind in ("node", "group", "resource")),
    partial(codes.explain_code, Output(0, "")),
    interfering.known,
    steps.step_words,
)
# ansible-core walks the stack of a worker for each loop without items: Python then looks for the file of every module,
# and reads those that are on the stack.
ON_THE_STACK = ("ansible.executor.", "ansible._internal._task", "ansible.module_utils.", "multiprocessing.")


def note_files() -> None:
    """Have Python know the files of all modules, and the text of those in which the stack of a worker begins."""
    inspect.stack()
    for name, module in list(sys.modules.items()):
        if name.startswith(ON_THE_STACK) and getattr(module, "__file__", None):
            linecache.getlines(str(module.__file__))


def warm_up() -> None:
    """Load it. What cannot be loaded here is loaded, and its error told, when it is needed."""
    for load in (*LOADS, note_files):
        with suppress(Exception):
            load()
