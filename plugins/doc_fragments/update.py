# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say which update is meant."""

from __future__ import annotations


class ModuleDocFragment:
    """Options O(update) and O(catalogue), and as CATALOGUE the latter alone."""

    DOCUMENTATION = r"""
options:
  update:
    description:
      - Key of the update in the catalogue, for example V(exchange2003-sp2).
    type: str
    required: true
  catalogue:
    description:
      - YAML files with the site's own catalogue entries on the control node, later files over earlier ones and all of
        them over the collection's catalogue.
      - A file needs to say only what it adds or changes, usually the package's path, size and SHA-256, and a command
        line with which setup asks nothing.
      - A relative path is looked for where Ansible looks for files of the role or the playbook.
    type: list
    elements: path
    default: []
"""

    CATALOGUE = r"""
options:
  catalogue:
    description:
      - YAML files with the site's own catalogue entries on the control node, later files over earlier ones and all of
        them over the collection's catalogue.
      - A file needs to say only what it adds or changes, usually the package's path, size and SHA-256, and a command
        line with which setup asks nothing.
      - A relative path is looked for where Ansible looks for files of the role or the playbook.
    type: list
    elements: path
    default: []
"""
