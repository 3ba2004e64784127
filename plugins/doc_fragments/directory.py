# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of the modules that read the directory for a step."""

from __future__ import annotations


class ModuleDocFragment:
    """Option O(directory), where it may be left out."""

    DOCUMENTATION = r"""
options:
  directory:
    description:
      - The domain controller that is asked, see M(mailops.exchange.directory_info).
    type: dict
    suboptions:
      uri:
        description:
          - Address, V(ldaps://dc1.contoso.example), or V(ldap://dc1.contoso.example) for StartTLS.
        type: str
      user:
        description:
          - Who reads, C(name@domain) or C(DOMAIN\name).
        type: str
      password:
        description:
          - Password of the user.
        type: str
      ca_file:
        description:
          - Certificates to trust instead of those of the control node.
        type: path
      validate_certs:
        description:
          - Whether the certificate of the domain controller is checked.
        type: bool
        default: true
      tls_minimum:
        description:
          - Lowest version of TLS.
        type: str
        choices:
          - "1.0"
          - "1.1"
          - "1.2"
          - "1.3"
        default: "1.2"
      timeout:
        description:
          - Seconds for each operation.
        type: int
        default: 30
"""
