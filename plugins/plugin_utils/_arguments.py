# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications that several actions have in common; the doc fragments describe them."""

from __future__ import annotations

from typing import Any

# Resources of a virtual server that stay online while it is upgraded: KB 328839.
KEEP_TYPES = ["IP Address", "Network Name", "Physical Disk"]

STEP: dict[str, Any] = {"step": {"type": "dict"}}

CATALOGUE: dict[str, Any] = {"catalogue": {"type": "list", "elements": "path", "default": []}}

UPDATE: dict[str, Any] = {"update": {"type": "str", "required": True}, **CATALOGUE}

# Where the package comes from, and how its content is proved on the host.
PACKAGE: dict[str, Any] = {
    "source": {"type": "str"},
    "verify": {"type": "str", "choices": ["hash", "size"]},
}

REACH: dict[str, Any] = {"reach_timeout": {"type": "int", "default": 300}}

# The map files of Active Directory Connector: hashes of those that were shipped, and the site's new ones.
CONNECTOR: dict[str, Any] = {
    "shipped_maps": {"type": "list", "elements": "str", "default": []},
    "maps": {"type": "dict", "options": {"local": {"type": "str"}, "remote": {"type": "str"}}},
}

DIRECTORY: dict[str, Any] = {
    "uri": {"type": "str"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ca_file": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "tls_minimum": {"type": "str", "choices": ["1.0", "1.1", "1.2", "1.3"], "default": "1.2"},
    "timeout": {"type": "int", "default": 30},
}

# Seconds for a store that upgrades its databases as it starts
DATABASES: dict[str, Any] = {"database_timeout": {"type": "int", "default": 14400}}

# The account with which setup runs: a job on the host logs on with it.
ACCOUNT: dict[str, Any] = {
    "account": {"type": "str"},
    "password": {"type": "str", "no_log": True},
}


def timeout(seconds: int) -> dict[str, Any]:
    """Return the option ``timeout`` with its default in seconds."""
    return {"timeout": {"type": "int", "default": seconds}}
