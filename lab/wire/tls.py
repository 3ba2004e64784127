# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certification authority of the lab's own: certificates of servers, and of clients for their log-on."""

from __future__ import annotations

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .memory import MemoryFile

UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


class Authority:
    """Issues certificates that are good for the next days; nothing of it outlives the lab but what was asked for."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} lab CA")])
        self._contexts: dict[str, ssl.SSLContext] = {}
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(_usage(sign=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        # the real time, not the simulated one: clients check with their own clock
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )

    def _issue(
        self, common_name: str, alternatives: list[x509.GeneralName], usage: x509.ObjectIdentifier
    ) -> tuple[str, str]:
        """A new certificate and its key (PEM)."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._builder(subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(issuer, critical=False)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()

    def client(self, account: str, dns_domain: str) -> tuple[str, str]:
        """Certificate and key (PEM) that log DOMAIN\\user on; the user's principal name stands in the certificate."""
        user = account.partition("\\")[2]
        principal = f"{user}@{dns_domain}".encode()
        other = x509.OtherName(UPN, bytes([0x0C, len(principal)]) + principal)
        return self._issue(user, [other], ExtendedKeyUsageOID.CLIENT_AUTH)

    def server_context(self, address: str, names: list[str]) -> ssl.SSLContext:
        """TLS for a server of that address; the certificate names the address and the names."""
        if address not in self._contexts:
            # the address is there as a name too: ldap3 compares with names only
            alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address))]
            alternatives += [x509.DNSName(name) for name in (address, *names) if name.isascii()]
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            issued = MemoryFile("".join(self._issue(names[0], alternatives, ExtendedKeyUsageOID.SERVER_AUTH)))
            try:
                context.load_cert_chain(issued.path)
            finally:
                issued.close()
            context.load_verify_locations(cadata=self.pem)
            context.verify_mode = ssl.CERT_OPTIONAL
            self._contexts[address] = context
        return self._contexts[address]


def principal_of(connection: ssl.SSLSocket) -> str | None:
    """The principal name (user@dns.domain) in the client's certificate, which the TLS layer has checked already."""
    encoded = connection.getpeercert(binary_form=True)
    if not encoded:
        return None
    certificate = x509.load_der_x509_certificate(encoded)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    for other in names.get_values_for_type(x509.OtherName):
        if other.type_id == UPN:
            return other.value[2:].decode("utf-8", "replace")
    return None


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )
