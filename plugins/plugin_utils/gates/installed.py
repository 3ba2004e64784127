# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of what is installed: package, version path, KB831464, Active Directory Connector (A6, G6 to G8)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from . import levels
from .model import FAILED, INFORMATION, PASSED, WARNING, Finding, View, read_data

# Names of packages: Exchange2003-KB912442-x86-ENU.exe [V, KB 817903]; E3SP2ENG.EXE, E2KSP3_ENGLISH.EXE [R];
# SP4_550I.EXE [I, Q241757], which tells no language; SBS2KSP1ENG.EXE [U].
_HOTFIX = re.compile(r"^exchange(?P<product>5\.5|2000|2003)-kb\d+.*?-x86-(?P<language>[a-z]{2,3})\.exe$", re.IGNORECASE)
_WINDOWS = re.compile(r"^windows.*?-kb\d+.*?-x86-(?P<language>[a-z]{2,3})\.exe$", re.IGNORECASE)
_PACK = re.compile(r"^e(?P<product>2k|3)sp\d(?:_?(?P<language>[a-z]{2,10}))?\.exe$", re.IGNORECASE)
_SUITE = re.compile(r"^sbs(?P<product>2k)sp\da?(?P<language>[a-z]{2,3})?\.exe$", re.IGNORECASE)
_OLD_PACK = re.compile(r"^sp\d_(?P<product>55)[0-9a-z]*\.exe$", re.IGNORECASE)
_PRODUCTS = {"2k": "2000", "3": "2003", "55": "5.5"}


def package(view: View) -> Iterator[Finding]:
    """The packages of the updates that a host still lacks are there or can be fetched, and are the right ones."""
    for host in view.open:
        bad, good = [], []
        for update in view.packages(host):
            objection = _objection(view, host, update)
            if objection:
                bad.append(objection)
            else:
                good.append(_words(view, view.reached[host], update))
        failed = [row for row in bad if row[2]]
        if failed:
            yield Finding(host, FAILED, "; ".join(row[0] for row in failed), failed[0][1])
        elif bad:
            yield Finding(host, WARNING, "; ".join(row[0] for row in bad), bad[0][1])
        elif good:
            yield Finding(host, PASSED, "; ".join(good))


def version_path(view: View) -> Iterator[Finding]:
    """Each update fits the level that a host has when its turn comes."""
    for host in view.reached:
        objections = view.unfit(host)
        if objections:
            yield Finding(host, FAILED, "; ".join(text for text, unused in objections), objections[0][1])
        elif host in view.open:
            keys = [str(update["id"]) for update in view.chain(host)]
            exchange = view.reached[host]["exchange"]
            have = levels.words(int(exchange.get("service_pack") or 0))
            rest = ", ".join(keys) or "Active Directory Connector of the service pack"
            yield Finding(host, PASSED, f"Exchange {exchange['product']} with {have}, then {rest}")
        else:
            yield Finding(host, PASSED, "nothing is left to do")


def iis_fix(view: View) -> Iterator[Finding]:
    """A node on Windows Server 2003 without a service pack of Windows has KB831464, or gets it first."""
    for host in view.open:
        exchange = view.reached[host]["exchange"]
        chain = view.chain(host)
        system = exchange.get("os") or {}
        packs = [each for each in chain if each["kind"] == "service_pack" and str(each.get("product")) == "2003"]
        if not packs or not exchange.get("clustered") or system.get("name") != "server2003":
            continue
        fixes = {levels.number(fix) for fix in exchange.get("hotfixes") or []}
        if int(system.get("service_pack") or 0):
            yield Finding(host, PASSED, f"contained in service pack {system['service_pack']} of Windows")
        elif levels.IIS_FIX in fixes:
            yield Finding(host, PASSED, f"{levels.IIS_FIX} is installed")
        elif any(_is_fix(each) and each["package"].get("path") for each in chain):
            yield Finding(host, PASSED, f"{levels.IIS_FIX} is installed first, with its restart")
        else:
            yield Finding(
                host,
                FAILED,
                f"{levels.IIS_FIX} is missing on a node of Windows Server 2003 without a service pack",
                f"Install {levels.IIS_FIX} (or a service pack of Windows Server 2003) and restart the node; or give "
                "its package in a catalogue file (windows2003-kb831464), then the run installs it first.",
            )


def connector(view: View) -> Iterator[Finding]:
    """Customised maps of the Active Directory Connector are not lost by its upgrade."""
    yield from _connector_elsewhere(view)
    for host, seen in view.reached.items():
        found = seen.get("connector") or {}
        pack = any(each["kind"] == "service_pack" for each in view.chain(host))
        if not found.get("installed") or not (host in view.open or view.connector_left(host)):
            continue
        if view.product(host) == "5.5":
            if found.get("due") and found.get("update"):
                text = "it runs here beside Exchange 5.5, and this run leaves it as it is"
                yield Finding(host, WARNING, text, "Run its setup by hand, from the service pack's folder ADC\\I386.")
        elif not pack and not view.connector_left(host):
            yield Finding(host, PASSED, "it runs here; a hotfix does not touch it")
        elif view.connector == "leave":
            yield Finding(host, INFORMATION, "it runs here and is left alone in this run: its upgrade stays due")
        elif not found.get("due", True):
            yield Finding(host, PASSED, "it runs here and has the version of the service pack")
        elif found.get("custom_maps") is False:
            yield Finding(host, PASSED, "it is upgraded; its maps are as the product shipped them")
        elif found.get("maps_given"):
            yield Finding(host, PASSED, "it is upgraded with the maps that the operator has given")
        else:
            known = (
                "local.map or remote.map is customised"
                if found.get("custom_maps")
                else ("whether local.map and remote.map are customised cannot be told")
            )
            yield Finding(
                host,
                FAILED,
                f"{known}, and no maps for the new version are given",
                "Put the same changes into the service pack's local.map and remote.map and give the new files to the "
                "run (mailops_exchange_connector_maps); or state that those of the service pack may be taken as they "
                "are (mailops_exchange_statements, gate connector: who, when, what); or leave the connector out of "
                "this run (mailops_exchange_connector: leave).",
            )


def _connector_elsewhere(view: View) -> Iterator[Finding]:
    """A connector on a domain controller without Exchange: the run sees it, and does not upgrade it (G6)."""
    packs = any(
        each["kind"] == "service_pack" and each.get("product") in ("2000", "2003")
        for host in view.open
        for each in view.packages(host)
    )
    for name, found in sorted(view.controllers.items()) if packs else ():
        if name not in view.hosts and ((found or {}).get("facts") or {}).get("connector"):
            yield Finding(
                name,
                WARNING,
                "it runs on this domain controller, which is none of the servers of this run: it is left as it is",
                "After the service pack run its setup there by hand, from the service pack's folder ADC\\I386. Before "
                "that export msExchServer1SchemaMap and msExchServer2SchemaMap, and take customised maps over.",
            )


def _is_fix(update: Mapping[str, Any]) -> bool:
    return update["kind"] == "windows_hotfix" and levels.number(update["result"]["hotfix"]) == levels.IIS_FIX


def _objection(view: View, host: str, update: Mapping[str, Any]) -> tuple[str, str, bool] | None:
    """Return what is wrong with a package: sentence, remedy, and whether it fails (else it is a warning)."""
    key = str(update["id"])
    found = (view.reached[host].get("packages") or {}).get(key) or {}
    given = update["package"]
    path = str(found.get("path") or given.get("path") or "")
    if not path:
        return (
            f"no package of {key} is named: whoever runs its setup brings it along",
            "Name it in a catalogue file (package.path and package.sha256), so that it can be checked.",
            False,
        )
    if found.get("problem"):
        return str(found["problem"]["what"]), str(found["problem"]["remedy"]), True
    if given.get("verify") == "sha256" and not given.get("sha256"):
        return (
            f"the SHA-256 of the package of {key} is not known",
            "Give package.sha256 in a catalogue file, or set package.verify to size there.",
            True,
        )
    wrong = _wrong_source(view, found, given, key) or _wrong_file(found, given, key)
    if wrong:
        return (*wrong, True)
    name = str(given.get("path") or path).rpartition("\\")[2] or str(given.get("file") or "")
    return _wrong_name(view, host, name, str(update.get("product")))


def _source(view: View, found: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Where a package is still to be fetched from, and the file there, where it was seen."""
    path = str(given.get("path") or "")
    path += str(given.get("file") or "") if path.endswith(("\\", "/")) else ""
    return path, None if found.get("staged") else view.package_files.get(path.casefold())


def _wrong_source(view: View, found: Mapping[str, Any], given: Mapping[str, Any], key: str) -> tuple[str, str] | None:
    """A package that was seen where it is to be fetched from, and is not there, or is another file."""
    path, seen = _source(view, found, given)
    if seen is None:
        return None
    if seen["size"] is None:
        return (
            f"the package of {key} is not there: {path}",
            "Put the file there, or correct package.path in the catalogue file.",
        )
    for what, words in (("size", "bytes"), ("sha256", "as its SHA-256")):
        wanted = str(given.get(what) or "").lower()
        if wanted and seen[what] is not None and str(seen[what]).lower() != wanted:
            return (
                f"{path} has {seen[what]} {words}, the catalogue says {wanted}",
                "Do not use this file: get it anew, or correct the catalogue.",
            )
    return None


def _wrong_file(found: Mapping[str, Any], given: Mapping[str, Any], key: str) -> tuple[str, str] | None:
    """A package that lies where it is installed from, and is another file; a copy of ours is made anew."""
    if found.get("needed") or found.get("staged") or found.get("size") is None:
        return None
    if given.get("size") not in (None, found["size"]):
        what = f"the package of {key} has {found['size']} bytes, the catalogue says {given['size']}"
    else:
        what = f"the package of {key} has the SHA-256 {found.get('sha256')}, the catalogue says {given.get('sha256')}"
    return what, "Do not use this file: get it anew, or correct the catalogue."


def _wrong_name(view: View, host: str, name: str, product: str) -> tuple[str, str, bool] | None:
    found = next(filter(None, (each.match(name) for each in (_HOTFIX, _PACK, _SUITE, _WINDOWS, _OLD_PACK))), None)
    if found is None:
        return None
    parts = found.groupdict()
    of = _PRODUCTS.get(str(parts.get("product")).lower(), parts.get("product"))
    if of and of != product:
        return f"{name} is a package for Exchange {of}, not {product}", "Name the package for this product.", True
    language, own = _language_of(str(parts.get("language") or "")), _language(view, host)
    if language and own and language != own:
        return (
            f"{name} is a package in {language}, the server's language is {own}",
            "Use the package in the language in which Exchange was installed. Where Windows has another language than "
            "Exchange, say so: mailops_exchange_language (en, de, it, ...) for the host.",
            True,
        )
    return None


def _language(view: View, host: str) -> str:
    """The language of Exchange on a host: what the operator says, else that of Windows, which is likely the same."""
    said = view.language.get(host)
    return str(said).lower() if said else _language_of(str(view.facts(host).get("language") or ""))


@cache
def _language_of(text: str) -> str:
    """A language by its number in the registry (0407) or by its name in a file name (DEU)."""
    wanted = text.casefold()
    for name, entry in read_data("languages.yml").items():
        if wanted == name or wanted in entry["number"] or wanted in {each.casefold() for each in entry["names"]}:
            return str(name)
    return ""


def _words(view: View, found: Mapping[str, Any], update: Mapping[str, Any]) -> str:
    row = (found.get("packages") or {}).get(update["id"]) or {}
    if row.get("staged"):
        how = "with the SHA-256 of the catalogue" if row.get("sha256") else "with the size of the catalogue"
        return f"{update['id']} is on the host {how}"
    path, seen = _source(view, row, update["package"])
    if seen is not None:
        how = "SHA-256" if seen["sha256"] else "size"
        return f"{update['id']} lies at {path} with the {how} of the catalogue, and is checked again where it is copied"
    return f"{update['id']} is fetched from {path} and checked before any server is touched"
