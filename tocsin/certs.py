"""A district's own certificate authority, and a certificate for the broker and each of its clients."""

import ipaddress
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tocsin.errors import TocsinError

SERVICES = ("collector", "rules", "alerting", "console")
_AUTHORITY = "authority"
_BROKER = "broker"
CONSOLE_WEB = "console-web"  # by which browsers know the console
_SERVERS = (_BROKER, CONSOLE_WEB)
_AUTHORITY_LASTS = timedelta(days=3650)
_CLIENT_LASTS = timedelta(days=1825)  # a gateway at a dam is visited, not redeployed
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def make_certificates(
    folder: Path, *, district: str, gateways: Iterable[str], hosts: Iterable[str] = ()
) -> list[Path]:
    """Make what is missing in ``folder``; what is there is kept, so that a new gateway disturbs no other.

    The broker's certificate, and the console's for browsers, are made anew when they lack one of ``hosts``.

    Args:
        folder: Receives ``<name>.pem`` and ``<name>.key`` (mode 0600); it is made when absent.
        district: The district's id; it names the authority.
        gateways: The ids of the gateways.
        hosts: Names and addresses, IPv4 and IPv6, at which the broker and the console are reached; local
            ones are added.

    Returns:
        The certificates made now.

    Raises:
        TocsinError: A host is neither a name nor an address; or the authority's key is missing though its
            certificate is there, or is no key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    authority = folder / f"{_AUTHORITY}.pem"
    if not authority.exists():
        _make_authority(folder, district)
        made.append(authority)
    issuer, issuer_key = _load_authority(folder)
    reached = _alternatives(dict.fromkeys([*_LOCAL_HOSTS, *hosts]))
    names = dict.fromkeys(_SERVERS, reached) | {
        name: _alternatives([name]) for name in (*SERVICES, *gateways)
    }
    for name, alternatives in names.items():
        path = folder / f"{name}.pem"
        if not path.exists() or (name in _SERVERS and not _names(path) >= set(alternatives)):
            _make_leaf(folder, name, alternatives, issuer, issuer_key, server=name in _SERVERS)
            made.append(path)
    return made


def _alternatives(hosts: Iterable[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError as exc:
            if not _HOST.fullmatch(host):
                raise TocsinError(f"{host!r} is neither a host name nor an address") from exc
            names.append(x509.DNSName(host))
    return names


def _names(path: Path) -> set[x509.GeneralName]:
    """The hosts that a certificate is for."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _make_authority(folder: Path, district: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Tocsin {district} authority")])
    certificate = (
        _builder(name, name, key, _AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(folder, _AUTHORITY, key, certificate)


def _make_leaf(
    folder: Path,
    name: str,
    alternatives: list[x509.GeneralName],
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    server: bool,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    certificate = (
        _builder(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), issuer.subject, key, _CLIENT_LASTS
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )
    _write(folder, name, key, certificate)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a gateway's clock may be slow at its first boot
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _load_authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_path, key_path = folder / f"{_AUTHORITY}.pem", folder / f"{_AUTHORITY}.key"
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (OSError, ValueError) as exc:
        raise TocsinError(
            f"the authority in {folder} is incomplete: {exc}; "
            "put authority.pem and authority.key back, or begin with an empty folder"
        ) from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TocsinError(f"{key_path}: not a key that `tocsin certs` made; begin with an empty folder")
    return certificate, key


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    """Write the key, readable by its owner alone, before the certificate that says it is there."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(folder / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
