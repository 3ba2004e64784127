# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exit codes of cluster.exe."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.codes import explain_code, failure
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Output


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        (0, "SUCCESS", "pending"),
        (997, "IO_PENDING", "pending"),
        (1722, "RPC_SERVER_UNAVAILABLE", "retry"),
        (1753, "EPT_NOT_REGISTERED", "retry"),
        (5004, "RESOURCE_NOT_ONLINE", "done"),
        (5023, "INVALID_STATE", "retry"),
        (5071, "NODE_CANT_HOST_RESOURCE", "failed"),
        (4711, "UNKNOWN", "failed"),
    ],
)
def test_kinds(code: int, name: str, kind: str) -> None:
    found = explain_code(Output(code, ""))
    assert (found.name, found.kind) == (name, kind)


def test_the_number_in_the_message_counts_where_the_exit_code_is_plain_1() -> None:
    text = "Systemfehler 5023 aufgetreten (0x0000139f).\nx\n"
    assert explain_code(Output(1, "", text)).name == "INVALID_STATE"
    assert explain_code(Output(1, "5023 (0x00000001)")).name == "UNKNOWN"


def test_a_failure_has_a_remedy_and_the_output() -> None:
    error = failure("moving EVS1", Output(5070, "System error 5070\n"))
    assert "paused" in error.message
    assert "resume" in error.remedy
    assert error.exit_code == 5070
    assert "5070" in error.output
