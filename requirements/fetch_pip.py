# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch the newest pip wheel from the package index into the file named on the command line.

For a Python that came without pip and without ensurepip (Debian keeps both in packages of their own): a pip
wheel can be run as it is. PIP_INDEX_URL names another index, as for pip itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.parse
import urllib.request
from pathlib import Path

INDEX = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
JSON = "application/vnd.pypi.simple.v1+json"  # PEP 691


def newest_wheel() -> tuple[str, str]:
    """Return the address and the SHA-256 of the newest final release's wheel."""
    request = urllib.request.Request(f"{INDEX}/pip/", headers={"Accept": JSON})
    with urllib.request.urlopen(request, timeout=60) as response:
        files = json.load(response)["files"]
    wheels = {}
    for file in files:
        parts = file["filename"].split("-")
        if file["filename"].endswith("-py3-none-any.whl") and not file.get("yanked"):
            version = parts[1].split(".")
            if all(part.isdigit() for part in version):
                wheels[tuple(map(int, version))] = file
    file = wheels[max(wheels)]
    return urllib.parse.urljoin(f"{INDEX}/pip/", file["url"]), file["hashes"]["sha256"]


def main(target: Path) -> None:
    """Write the wheel to ``target``, complete or not at all."""
    address, digest = newest_wheel()
    with urllib.request.urlopen(address, timeout=60) as response:
        content = response.read()
    if hashlib.sha256(content).hexdigest() != digest:
        sys.exit(f"{address}: the content does not have the SHA-256 that the index names")
    part = target.with_suffix(".part")
    part.write_bytes(content)
    part.replace(target)


main(Path(sys.argv[1]))
