# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of cmd.exe: what a line or a batch file means, and what its own commands do.

The order of the phases follows cmd.exe's known behaviour: percent expansion of the whole
line first (``percent``), then quotes, carets, operators and redirections (``parser``), then
the variables of ``for`` and delayed expansion, then redirections are opened and the command
runs (``interpreter``), and ``call`` sends its text through the first two once more.
"""
