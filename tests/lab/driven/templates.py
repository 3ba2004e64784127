# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as Ansible evaluates them, as far as the collection's roles use them: native types, lazy variables.

The filters and tests are Ansible's own; what is undefined may be gone through (``a.b.c | default(x)``) and raises when
it is used, as with Ansible. Each source is compiled once in a process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, wraps
from typing import Any, Protocol

from jinja2 import StrictUndefined, nodes
from jinja2.nativetypes import NativeEnvironment
from jinja2.runtime import Context, missing

from ansible.plugins.filter.core import FilterModule as CoreFilters
from ansible.plugins.filter.mathstuff import FilterModule as MathFilters
from ansible.plugins.test.core import TestModule as CoreTests
from ansible.plugins.test.files import TestModule as FileTests
from ansible.plugins.test.mathstuff import TestModule as MathTests


class Names(Protocol):
    """Where a template finds its variables."""

    def find(self, name: str) -> Any:
        """The value of a variable; raises KeyError where there is none."""


class Omit:
    """The value of ``omit``: an argument that has it is left out."""


OMIT = Omit()


class Missing(StrictUndefined):
    """What is not defined: its attributes are not, either."""

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self


class _Lazy(Context):
    """Looks a variable up when it is needed: its value may be a template itself."""

    names: Names

    def resolve_or_missing(self, key: str) -> Any:
        try:
            return self.names.find(key)
        except KeyError:
            return self.parent.get(key, missing)


#: Filters of Jinja's that Ansible puts its own in the place of, for tags and markers that are not there here; some of
#: them give lists then.
_LISTS = ("map", "select", "selectattr", "reject", "rejectattr")
_JINJA = ("d", "default", *_LISTS)


def _listed(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def listed(*arguments: Any, **options: Any) -> list[Any]:
        return list(function(*arguments, **options))

    return listed


def _environment() -> NativeEnvironment:
    found = NativeEnvironment(undefined=Missing, extensions=["jinja2.ext.do"])
    found.context_class = _Lazy
    own = {name: found.filters[name] for name in _JINJA}
    for module in (CoreFilters, MathFilters):
        found.filters.update(module().filters())
    found.filters.update(own)
    found.filters.update({name: _listed(own[name]) for name in _LISTS})
    for tests in (CoreTests, FileTests, MathTests):
        found.tests.update(tests().tests())
    found.globals.update(lookup=_lookup, now=_now)
    return found


def _lookup(plugin: str, name: str) -> str:
    short = plugin.rpartition(".")[2]
    if short == "inventory_hostnames":
        # Names of a group or a pattern: whoever drives a run has servers for it.
        return name
    if short != "env":
        raise NotImplementedError(f"the lookup {plugin}")
    return os.environ.get(name, "")


def _now(utc: bool = False) -> datetime:
    return datetime.now(UTC) if utc else datetime.now()


ENVIRONMENT = _environment()


@cache
def _compiled(source: str) -> Callable[[Names], Any]:
    parsed = ENVIRONMENT.parse(source)
    (output, *more) = parsed.body
    if not more and isinstance(output, nodes.Output) and len(output.nodes) == 1:
        return _expression(output.nodes[0])
    template = ENVIRONMENT.from_string(source)

    def render(names: Names) -> Any:
        context = template.new_context()
        context.names = names
        return "".join(str(value) for value in template.root_render_func(context))

    return render


def _expression(node: nodes.Expr) -> Callable[[Names], Any]:
    """A template that is nothing but one expression has the value of that, of whatever type it is."""
    assignment = nodes.Assign(nodes.Name("result", "store"), node, lineno=1)
    template = ENVIRONMENT.from_string(nodes.Template([assignment], lineno=1))

    def render(names: Names) -> Any:
        context = template.new_context()
        context.names = names
        for unused in template.root_render_func(context):
            raise AssertionError("an assignment writes nothing")
        value = context.vars["result"]
        if isinstance(value, Missing):
            str(value)  # raises, with the name
        return value

    return render


def is_template(text: str) -> bool:
    """Whether there is anything to evaluate in a text."""
    return "{{" in text or "{%" in text


def evaluate(value: Any, names: Names) -> Any:
    """A value of a YAML file with every template in it evaluated; raises what a template raises."""
    if isinstance(value, str):
        return _compiled(value)(names) if is_template(value) else value
    if isinstance(value, dict):
        evaluated = {key: evaluate(entry, names) for key, entry in value.items()}
        return {key: entry for key, entry in evaluated.items() if entry is not OMIT}
    if isinstance(value, list):
        return [entry for entry in (evaluate(entry, names) for entry in value) if entry is not OMIT]
    return value


def holds(condition: Any, names: Names) -> bool:
    """A condition; as with Ansible it must be true or false and nothing else."""
    value = condition
    if isinstance(condition, str):
        value = _compiled(condition if is_template(condition) else f"{{{{ {condition} }}}}")(names)
    if not isinstance(value, bool):
        raise TypeError(f"the condition {condition!r} is {value!r}, which is neither true nor false")
    return value
