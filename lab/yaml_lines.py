# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files whose mistakes can be shown by file, line and place, and their check against a JSON schema."""

from __future__ import annotations

import difflib
import functools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from . import errors

Place = tuple[str | int, ...]

TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping (name: settings)",
    "null": "nothing (null)",
}


class EstateError(errors.EstateError):
    """A file of the operator's is wrong; `problems`: a line for each mistake (file, line, place, found, expected)."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class _Loader(yaml.SafeLoader):
    """Keys are always texts: `on:` is no boolean and a group may be called 2003."""


@dataclass
class Document:
    """The content of a YAML file, and where each part of it stands."""

    path: Path
    data: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """Line (from 1) of a place, or of the nearest part around it that is written down."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, text: str) -> str:
        """One message about a place."""
        where = dotted(place)
        return f"{self.path}:{self.line(place)}: {where + ': ' if where else ''}{text}"


def dotted(place: Place) -> str:
    """A place as people write it: hosts.n1.product, clusters.mail.nodes[1]."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif any(character in part for character in ". []\"'"):
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
        else:
            text += f".{part}" if text else part
    return text


def read_yaml(path: Path) -> Document:
    """Read a YAML file.

    Raises EstateError when it cannot be read, is no YAML, has more than one document, repeats a key of a mapping,
    contains itself, or holds a number that is none (.nan, .inf): no limit of a schema stops those.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EstateError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise EstateError([f"{path}: is not UTF-8 text (byte {error.start})"]) from error
    document = Document(path, None)
    problems: list[str] = []
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            _walk(node, (), document, problems, ())
            if not problems:
                document.data = loader.construct_document(node)
                _endless(document.data, (), document, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise EstateError([f"{path}{line}: is not valid YAML: {error.problem or error}"]) from error
    except yaml.YAMLError as error:
        raise EstateError([f"{path}: is not valid YAML: {' '.join(str(error).split())}"]) from error
    except RecursionError as error:
        raise EstateError([f"{path}: is nested too deeply; expected a few levels"]) from error
    finally:
        if loader is not None:
            loader.dispose()
    if problems:
        raise EstateError(problems)
    return document


def _walk(node: yaml.Node, place: Place, document: Document, problems: list[str], above: tuple[int, ...]) -> None:
    """Note the line of every part; make keys texts; find repeated keys and structures that contain themselves."""
    document.lines.setdefault(place, node.start_mark.line + 1)
    if id(node) in above:
        problems.append(document.problem(place, "contains itself; expected a structure without a circle of aliases"))
        return
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*place, index), document, problems, above)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                problems.append(f"{document.path}:{line}: {dotted(place)}: a key must be a text")
                continue
            if key.tag == "tag:yaml.org,2002:merge":
                _walk(value, place, document, problems, above)
                continue
            key.tag = "tag:yaml.org,2002:str"
            here = (*place, key.value)
            if key.value in seen:
                text = f"is written twice (first in line {seen[key.value]}); expected each name once"
                problems.append(f"{document.path}:{line}: {dotted(here)}: {text}")
            seen[key.value] = line
            document.lines[here] = line
            _walk(value, here, document, problems, above)


def _endless(value: Any, place: Place, document: Document, problems: list[str]) -> None:
    """Find the numbers that are none: time that is not a number never passes."""
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(document.problem(place, f"found {value}, expected a finite number"))
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _endless(item, (*place, key), document, problems)


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """The published schema of that file name, ready for use."""
    schema = json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def check_schema(document: Document, name: str) -> None:
    """Check a document against a published schema; raises EstateError with one line for each mistake."""
    found = {
        (document.line(place), document.problem(place, text))
        for error in validator(name).iter_errors(document.data)
        for place, text in _explain(error)
    }
    if found:
        raise EstateError(problem for unused_line, problem in sorted(found))


def _explain(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """A schema error in the reader's words: (place, what was found and what was expected)."""
    place: Place = tuple(error.absolute_path)
    found: Any = error.instance
    schema = error.schema
    described = schema.get("description", "") if isinstance(schema, dict) else ""
    rule = error.validator
    limit: Any = error.validator_value
    if rule == "additionalProperties" and isinstance(found, dict) and isinstance(schema, dict):
        known = list(schema.get("properties", {}))
        for key in found:
            if key not in known:
                yield (*place, key), f"is unknown; expected {one_of(known)}{did_you_mean(key, known)}"
    elif rule == "required" and isinstance(found, dict):
        for key in limit:
            if key not in found:
                yield place, f"{key} is missing; expected it here"
    elif rule == "type":
        wanted = [TYPE_WORDS.get(word, word) for word in ([limit] if isinstance(limit, str) else limit)]
        hint = " in quotes" if "a text" in wanted and isinstance(found, int | float) else ""
        yield place, f"found {shown(found)}, expected {' or '.join(wanted)}{hint}{_note(described)}"
    elif rule == "enum":
        texts = [value for value in limit if isinstance(value, str)]
        near = did_you_mean(str(found), texts)
        yield place, f"found {shown(found)}, expected {one_of(texts)}{near}"
    elif rule in ("pattern", "minLength", "maxLength"):
        yield _entry(error, place), f"found {shown(found)}, expected {described or error.message}"
    elif rule in ("minItems", "minProperties"):
        yield place, f"is empty; expected at least one entry{_note(described)}"
    elif rule == "uniqueItems" and isinstance(found, list):
        twice = next((item for index, item in enumerate(found) if item in found[:index]), None)
        yield place, f"names {shown(twice)} twice; expected each entry once"
    elif rule in ("minimum", "exclusiveMinimum"):
        word = "at least" if rule == "minimum" else "more than"
        yield place, f"found {shown(found)}, expected {word} {limit}{_note(described)}"
    elif rule in ("maximum", "maxItems", "maxProperties"):
        yield place, f"found {shown(found) if rule == 'maximum' else len(found)}, expected at most {limit}"
    else:
        yield place, error.message


def _entry(error: ValidationError, place: Place) -> Place:
    """The name of a mapping's entry is no part of the path of its own error."""
    return (*place, str(error.instance)) if "propertyNames" in error.absolute_schema_path else place


def _note(described: str) -> str:
    return f" ({described})" if described else ""


def shown(value: Any) -> str:
    """A value as it is shown in a message, shortened."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + '..."'


def one_of(values: Iterable[str]) -> str:
    """Alternatives in words."""
    known = list(values)
    if not known:
        return "nothing here"
    return known[0] if len(known) == 1 else f"one of {', '.join(known)}"


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """A hint when something alike is known."""
    near = difflib.get_close_matches(found, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
