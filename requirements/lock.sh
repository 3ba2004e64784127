#!/usr/bin/env bash
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Pins the dependency groups of pyproject.toml into requirements/*.txt, for every Python from 3.11 on in one file
# (Python 3.11 gets the newest ansible-core that runs on it). Names and versions only: no download addresses.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(command -v uv || echo .cache/uv/bin/uv)
pin() { # group, further arguments
  local group=$1
  shift
  "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
    --group "$group" "$@" -o "requirements/$group.txt"
}
pin dev
pin run -c requirements/dev.txt
pin importer
pin uv
