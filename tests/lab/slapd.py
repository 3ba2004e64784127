# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real slapd on a loopback address, as a normal user, with the entries of the lab's directory."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ADDRESS = "127.0.0.1"
SCHEMA = Path(__file__).with_name("exchange.schema")
#: Seconds until it listens: a bound for the test, never a measurement.
LIMIT = 30.0


def program(name: str) -> str | None:
    """The path of a program; slapd lies where the PATH of a normal user does not look."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/openldap"]))


@dataclass
class Slapd:
    """A running slapd. `ldap` offers StartTLS."""

    ldap: str
    ldaps: str
    ca_file: Path
    user: str
    password: str


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        number: int = probe.getsockname()[1]
        return number


def ldif(entries: Iterable[dict[str, Any]]) -> str:
    """Entries of the lab's directory as LDIF; every value in base64, which needs no rules about blanks."""
    lines: list[str] = []
    for entry in entries:
        attributes = dict(entry["attributes"])
        kind, _unused, value = entry["dn"].partition(",")[0].partition("=")
        if kind.upper() == "DC":
            # slapd wants the attribute of the name among the values
            attributes["dc"] = [value]
        lines.append(f"dn:: {encoded(entry['dn'])}")
        lines += [f"{name}:: {encoded(value)}" for name, values in attributes.items() for value in values]
        lines.append("")
    return "\n".join(lines) + "\n"


def encoded(text: str) -> str:
    """A value in base64."""
    return base64.b64encode(text.encode()).decode()


def certificates(folder: Path) -> None:
    """Make an authority of our own (ca.pem) and a certificate for the address (server.pem, server.key)."""
    now = datetime.datetime.now(datetime.UTC)

    def builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = (
        builder("slapd test CA", "slapd test CA", authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(sign=True), critical=True)
        .sign(authority, hashes.SHA256())
    )
    own = (
        builder(ADDRESS, "slapd test CA", server)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS)), x509.DNSName(ADDRESS)]),
            critical=False,
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    key = server.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.key").touch(mode=0o600)
    (folder / "server.key").write_bytes(key)


def usage(*, sign: bool) -> x509.KeyUsage:
    """What a key is for."""
    rest = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=True, key_cert_sign=sign, crl_sign=sign, **rest)


@contextmanager
def slapd(folder: Path, base: str, entries: list[dict[str, Any]], user: str, password: str) -> Iterator[Slapd]:
    """Load the entries, start slapd and end it again. `user`: a distinguished name that may read everything."""
    daemon, loader = program("slapd"), program("slapadd")
    assert daemon and loader
    (folder / "data").mkdir(parents=True)
    certificates(folder)
    (folder / "root.ldif").write_text(f"dn:\nconfigurationNamingContext: CN=Configuration,{base}\n", encoding="utf-8")
    (folder / "entries.ldif").write_text(ldif(entries), encoding="ascii")
    configuration = [
        "include /etc/ldap/schema/core.schema",
        "include /etc/ldap/schema/cosine.schema",
        f'include "{SCHEMA}"',
        "modulepath /usr/lib/ldap",
        "moduleload back_mdb",
        f'pidfile "{folder}/slapd.pid"',
        f'TLSCACertificateFile "{folder}/ca.pem"',
        f'TLSCertificateFile "{folder}/server.pem"',
        f'TLSCertificateKeyFile "{folder}/server.key"',
        f'rootDSE "{folder}/root.ldif"',
        # as a domain controller that wants signing or TLS
        "security simple_bind=128",
        "database mdb",
        f'suffix "{base}"',
        f'rootdn "{user}"',
        f'rootpw "{password}"',
        f'directory "{folder}/data"',
    ]
    path = folder / "slapd.conf"
    path.touch(mode=0o600)
    path.write_text("\n".join(configuration) + "\n", encoding="utf-8")
    load = subprocess.run(
        [loader, "-f", str(path), "-l", str(folder / "entries.ldif")], capture_output=True, text=True, check=False
    )
    assert load.returncode == 0, f"slapadd: {load.stderr}\nIs an attribute or class missing in {SCHEMA}?"
    ports = free_port(), free_port()
    found = Slapd(f"ldap://{ADDRESS}:{ports[0]}", f"ldaps://{ADDRESS}:{ports[1]}", folder / "ca.pem", user, password)
    with (folder / "slapd.log").open("w", encoding="utf-8") as log:
        # -d: it stays in the foreground, as our child
        command = [daemon, "-d", "0", "-f", str(path), "-h", f"{found.ldap}/ {found.ldaps}/"]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait(child, ports, folder / "slapd.log")
            yield found
        finally:
            child.terminate()
            child.wait(LIMIT)


def wait(child: subprocess.Popen[bytes], ports: Iterable[int], log: Path) -> None:
    """Wait until it listens on every port."""
    deadline = time.monotonic() + LIMIT
    for port in ports:
        while True:
            assert child.poll() is None, log.read_text(encoding="utf-8")
            try:
                socket.create_connection((ADDRESS, port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.05)
