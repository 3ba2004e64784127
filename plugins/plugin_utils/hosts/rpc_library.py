# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rpc channel takes from impacket and pyspnego, imported in one place.

Where they are missing the names stand for nothing, and ``require`` says so before anything is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import Refused

IMPORT_ERROR: ImportError | None = None
nmb: Any = None
ndr: Any = None
dtypes: Any = None
even: Any = None
rrp: Any = None
scmr: Any = None
samr: Any = None
lsad: Any = None
lsat: Any = None
srvs: Any = None
rpcrt: Any = None
spnego: Any = None
transform_key: Any = None
des: Any = None
md4: Any = None
md4_of: Any = None
uuid_of: Any = None
CallBase: Any = object
TransportBase: Any = object

try:
    dtypes, even, lsad, lsat, ndr, rpcrt, rrp, samr, scmr, srvs = (
        import_module(f"impacket.dcerpc.v5.{name}")
        for name in ("dtypes", "even", "lsad", "lsat", "ndr", "rpcrt", "rrp", "samr", "scmr", "srvs")
    )
    nmb = import_module("impacket.nmb")
    spnego = import_module("spnego")
    # DES and MD4 are those that impacket itself uses: which library they come from is its choice.
    transform_key, des = import_module("impacket.crypto").transformKey, import_module("impacket.crypto").DES
    md4_of, md4 = import_module("impacket.ntlm").compute_nthash, import_module("impacket.ntlm").MD4
    uuid_of = import_module("impacket.uuid").uuidtup_to_bin
    CallBase = ndr.NDRCALL
    TransportBase = import_module("impacket.dcerpc.v5.transport").DCERPCTransport
except ImportError as error:  # said by require(), when a session is opened
    IMPORT_ERROR = error


def require() -> None:
    """Raise Refused when impacket, or what it needs, is not there."""
    if IMPORT_ERROR is not None:
        raise Refused(
            f"the Python library impacket is needed on the control node and cannot be imported: {IMPORT_ERROR}",
            remedy="install it for Ansible's own Python, for example `pip install impacket` in its virtual environment",
        )
