# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds, levels, serial numbers and hotfix names."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.builds import (
    first_build,
    normal_hotfix,
    parse_serial,
    product_of_services_version,
    products,
    service_pack_of,
    store_difference,
)


@pytest.mark.parametrize(
    ("product", "build", "level"),
    [
        ("2003", 6943, None),
        ("2003", 6944, 0),
        ("2003", 7225, 0),
        ("2003", 7226, 1),
        ("2003", 7235, 1),  # service pack 1 with KB931832
        ("2003", 7637, 1),
        ("2003", 7638, 2),
        ("2003", 7656, 2),
        ("2000", 6249, 3),
        ("2000", 6620, 3),
        ("5.5", 2653, 4),
        ("5.5", 2652, 3),
    ],
)
def test_level_by_range(product: str, build: int, level: int | None) -> None:
    assert service_pack_of(product, build) == level


def test_every_level_begins_with_its_own_build() -> None:
    for product, entry in products().items():
        for level in entry["levels"]:
            build = first_build(product, level)
            assert build is not None
            assert service_pack_of(product, build) == level
            serial = entry["serial"].get(level)
            assert serial is None or int(serial.split(".")[0]) == build


@pytest.mark.parametrize(
    ("text", "product", "build", "revision", "level"),
    [
        ("Version 5.5 (Build 2653.23: Service Pack 4)", "5.5", 2653, 23, 4),
        ("Version 6.0 (Build 6249.4: Service Pack 3)", "2000", 6249, 4, 3),
        ("Version 6.5 (Build 6944.4)", "2003", 6944, 4, 0),
        ("Version 6.5 (Build 7226.6: Service Pack 1)", "2003", 7226, 6, 1),
        ("Versione 6.5 (build 7638.2: Service Pack 2)", "2003", 7638, 2, 2),
        ("Version 8.0 (Build 30685.25)", "2007", 30685, 25, 0),
        ("Version 15.2 (Build 32562.17)", None, 32562, 17, 0),
    ],
)
def test_serial_numbers(text: str, product: str | None, build: int, revision: int, level: int) -> None:
    found = parse_serial(text)
    assert found is not None
    assert (found.product, found.build, found.revision, found.service_pack) == (product, build, revision, level)


@pytest.mark.parametrize("text", ["", "6.5", "Version 6.5 (Build)", "Version (Build 7638.2)"])
def test_other_texts_are_no_serial_numbers(text: str) -> None:
    assert parse_serial(text) is None


def test_products_by_the_registry() -> None:
    assert [product_of_services_version(number) for number in (55, 60, 65, 70)] == ["5.5", "2000", "2003", None]


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("885882", "KB885882"),
        ("KB912442", "KB912442"),
        ("kb912442", "KB912442"),
        ("Q278518", "KB278518"),
        ("842436a", "KB842436a"),
        ("Filelist", None),
        ("SP3", None),
        ("{90110409-6000-11D3-8CFE-0150048383C9}", None),
    ],
)
def test_hotfix_names(name: str, normal: str | None) -> None:
    assert normal_hotfix(name) == normal


@pytest.mark.parametrize(
    ("product", "level", "hotfixes", "version"),
    [
        ("2003", 2, [], "6.5.7638.1"),
        ("2003", 2, ["KB912442"], "6.5.7650.28"),
        ("2003", 2, ["KB912442", "KB831464"], "6.5.7654.4"),
        ("2003", 1, [], "6.5.7226.6"),
        ("2003", 1, ["KB931832"], "6.5.7235.2"),
        ("2000", 3, ["KB870540"], "6.0.6603.1"),
        ("5.5", 1, [], "5.5.2232.11"),
        ("5.5", 4, ["KB894689"], "5.5.2658.34"),
    ],
)
def test_a_store_that_fits(product: str, level: int, hotfixes: list[str], version: str) -> None:
    assert store_difference(product, level, hotfixes, version) is None


@pytest.mark.parametrize(
    ("product", "level", "hotfixes", "version", "words"),
    [
        ("2003", 2, [], "6.5.7235.2", "build 7638 or later"),
        ("2003", 1, [], "6.5.7638.1", "later service pack than 1"),
        ("2003", 2, ["KB912442"], "6.5.7638.1", "KB912442 brings 6.5.7650.28"),
        ("2003", 2, [], "6.0.6603.1", "none of Exchange 2003"),
        ("2003", 2, [], "unreadable", "none of Exchange 2003"),
        ("5.5", 1, [], "5.5.2232.9", "service pack 1 brings 5.5.2232.11"),
        ("5.5", 0, [], "5.5.1960.4", "no service pack brings 5.5.1960.6"),
    ],
)
def test_a_store_that_does_not_fit(product: str, level: int, hotfixes: list[str], version: str, words: str) -> None:
    assert words in (store_difference(product, level, hotfixes, version) or "")


def test_an_expected_build_counts_too() -> None:
    assert store_difference("2003", 2, [], "6.5.7638.1", 7638) is None
    assert "build 7650 or later" in (store_difference("2003", 2, [], "6.5.7638.1", 7650) or "")
