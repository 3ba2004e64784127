# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option with which a task carries out a planned step."""

from __future__ import annotations


class ModuleDocFragment:
    """Option O(step)."""

    DOCUMENTATION = r"""
options:
  step:
    description:
      - The planned step that the task carries out, as M(mailops.exchange.rolling_plan) returned it.
      - The change record lists the task under it.
      - In check mode the state before and after comes from the step, because nothing before it has really been changed;
        nothing is sent to the host.
    type: dict
"""
