# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of the modules that wait for a host to answer."""

from __future__ import annotations


class ModuleDocFragment:
    """Option O(reach_timeout)."""

    DOCUMENTATION = r"""
options:
  reach_timeout:
    description:
      - Seconds to go on trying while the host does not answer, because it is starting for example.
      - After that the host is unreachable.
    type: int
    default: 300
"""
