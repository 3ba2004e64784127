# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and argument specification of every action say the same, in both directions."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = "ansible_collections.mailops.exchange.plugins"
NAMES = sorted(path.stem for path in (ROOT / "plugins/action").glob("[!_]*.py"))
# What the specification and the documentation of an option must agree on.
SAID = ("type", "elements", "required", "default", "choices")
SILENT = {"required": False}
COMMON_RESULTS = {"msg", "started", "ended", "remedy", "details"}


def specification(name: str) -> dict[str, Any]:
    spec = importlib.import_module(f"{PLUGINS}.action.{name}").ActionModule.spec
    assert isinstance(spec, dict)
    return spec


def own_documentation(name: str, variable: str = "DOCUMENTATION") -> Any:
    return yaml.safe_load(getattr(importlib.import_module(f"{PLUGINS}.modules.{name}"), variable))


def fragment(name: str) -> dict[str, Any]:
    module, variable = [*name.removeprefix("mailops.exchange.").split("."), "DOCUMENTATION"][:2]
    found = importlib.import_module(f"{PLUGINS}.doc_fragments.{module}").ModuleDocFragment
    content = yaml.safe_load(getattr(found, variable))
    assert isinstance(content, dict)
    return content


def documented_options(name: str) -> dict[str, Any]:
    """The options as ansible-doc shows them: an option of the module's own text wins over a fragment's."""
    documentation = own_documentation(name)
    options: dict[str, Any] = {}
    for each in documentation["extends_documentation_fragment"]:
        options.update(fragment(each).get("options") or {})
    return {**options, **(documentation.get("options") or {})}


def said(options: dict[str, Any], inner: str) -> dict[str, Any]:
    """What a specification (inner: options) or a documentation (inner: suboptions) says about options."""
    found = {}
    for name, rules in options.items():
        # "required: false" says nothing; "default: false" does.
        found[name] = {key: rules[key] for key in SAID if rules.get(key) is not None and rules[key] != SILENT.get(key)}
        if inner in rules:
            found[name]["options"] = said(rules[inner], inner)
    return found


def test_there_are_actions() -> None:
    assert len(NAMES) > 12


def test_actions_and_modules_are_the_same_names() -> None:
    assert sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py")) == NAMES


def test_action_group_holds_every_action() -> None:
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["exchange"]) == NAMES
    assert runtime["requires_ansible"] == ">=2.18.0"


@pytest.mark.parametrize("name", NAMES)
def test_options_are_the_same(name: str) -> None:
    assert said(documented_options(name), "suboptions") == said(specification(name), "options")


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_described(name: str) -> None:
    def check(options: dict[str, Any], where: str) -> None:
        for option, rules in options.items():
            assert rules["description"] and all(isinstance(line, str) for line in rules["description"]), (
                f"{where}.{option}"
            )
            check(rules.get("suboptions") or {}, f"{where}.{option}")

    check(documented_options(name), name)


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_marked(name: str) -> None:
    def check(spec: dict[str, Any]) -> None:
        for option, rules in spec.items():
            assert ("password" in option) == bool(rules.get("no_log")), option
            check(rules.get("options") or {})

    check(specification(name))


@pytest.mark.parametrize("name", NAMES)
def test_head(name: str) -> None:
    documentation = own_documentation(name)
    assert documentation["module"] == name
    assert documentation["version_added"] == "0.1.0"
    assert documentation["author"] == ["the mailops.exchange contributors (@mailops-exchange)"]
    assert not documentation["short_description"].endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_attributes_are_complete(name: str) -> None:
    attributes: dict[str, Any] = {}
    for each in own_documentation(name)["extends_documentation_fragment"]:
        attributes.update(fragment(each).get("attributes") or {})
    assert {"check_mode", "diff_mode", "platform", "action_group", "async", "become", "connection"} <= set(attributes)
    assert all({"support", "description"} <= set(attribute) for attribute in attributes.values())


@pytest.mark.parametrize("name", NAMES)
def test_examples_use_the_full_name_and_known_options(name: str) -> None:
    tasks = own_documentation(name, "EXAMPLES")
    known = set(documented_options(name))
    own = [task[f"mailops.exchange.{name}"] or {} for task in tasks if f"mailops.exchange.{name}" in task]
    assert own
    for arguments in own:
        assert set(arguments) <= known
    for task in tasks:
        modules = [key for key in task if "." in key]
        assert len(modules) == 1 and modules[0].startswith(("mailops.exchange.", "ansible.builtin.")), task


@pytest.mark.parametrize("name", NAMES)
def test_return_values_are_described_and_have_samples(name: str) -> None:
    returned = own_documentation(name, "RETURN")
    assert set(returned) >= COMMON_RESULTS
    for key, value in returned.items():
        assert {"description", "returned", "type", "sample"} <= set(value), key
    if "step" in documented_options(name):
        assert "step" in returned
    assert "rc" not in returned


@pytest.mark.parametrize("name", NAMES)
def test_rules_name_known_options(name: str) -> None:
    action = importlib.import_module(f"{PLUGINS}.action.{name}").ActionModule
    for kind, groups in action.rules.items():
        for group in groups:
            names = [group[0], *group[2]] if kind == "required_if" else group
            assert set(names) <= set(action.spec), (kind, group)
