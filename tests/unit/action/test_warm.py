# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded once before Ansible's workers are forked: it can be loaded, and is not read again."""

from __future__ import annotations

import inspect
import linecache
from pathlib import Path

import pytest

from ansible.executor import task_executor
from ansible_collections.mailops.exchange.plugins.plugin_utils import _warm
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import builds, catalogue
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import model


@pytest.mark.parametrize("load", _warm.LOADS)
def test_everything_can_be_loaded(load: object) -> None:
    # A warm-up hides errors, so that they are told where they matter; here they count.
    assert callable(load)
    load()


def test_tables_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _warm.warm_up()
    monkeypatch.setattr(Path, "open", lambda *unused, **none: pytest.fail("a table was read again"))
    assert "exchange2003-sp2" in catalogue.load()
    assert builds.load_data("builds.yml") and model.read_data("gates.yml")


def test_a_file_of_the_site_that_changes_is_read_again(tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    for title in ("one", "three"):
        site.write_text(f"exchange2003-sp2: {{title: {title}}}\n", encoding="utf-8")
        assert catalogue.load([str(site)])["exchange2003-sp2"]["title"] == title


def test_what_a_caller_does_to_the_catalogue_stays_with_it() -> None:
    catalogue.load()["exchange2003-sp2"]["package"]["file"] = "spoilt"
    assert catalogue.load()["exchange2003-sp2"]["package"]["file"] != "spoilt"


def test_the_files_on_the_stack_of_a_worker_are_known() -> None:
    _warm.note_files()
    assert inspect.getsourcefile(task_executor) in linecache.cache
