# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where files beside the change record go."""

from __future__ import annotations

from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.loader import callback_loader

from .hosts.errors import Refused

RECORD = "mailops.exchange.change_record"


def record_folder() -> Path:
    """Return the folder that the configuration of the change record's callback names.

    Raises Refused where that is not known.
    """
    try:
        plugin = callback_loader.get(RECORD, class_only=True)
        # The definitions stand under the name under which the loader has loaded it, which is not its own.
        name = getattr(plugin, "_load_name", RECORD)
        found = constants.config.get_config_value("directory", plugin_type="callback", plugin_name=name)
    except AnsibleError as error:
        raise Refused(
            f"where the change record is written is not known: {error}", remedy="Give the folder with the option folder"
        ) from error
    return Path(str(found)).expanduser().absolute()
