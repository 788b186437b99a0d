"""The certificates and keys of one local member: its own CA, a serving certificate, a client certificate."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = datetime.timedelta(days=365)


@dataclass(frozen=True)
class Credentials:
    """Files of one member, all readable by their owner only."""

    ca: Path
    serving_certificate: Path
    serving_key: Path
    client_certificate: Path
    client_key: Path
    service_account_key: Path
    tokens: Path
    admin_token: str


def create(directory: Path) -> Credentials:
    """Create a member's credentials under `directory`, or read them where they exist."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = Credentials(
        ca=directory / "ca.crt",
        serving_certificate=directory / "serving.crt",
        serving_key=directory / "serving.key",
        client_certificate=directory / "admin.crt",
        client_key=directory / "admin.key",
        service_account_key=directory / "service-account.key",
        tokens=directory / "tokens.csv",
        admin_token="",
    )
    if not files.tokens.exists():
        _write_all(files)
    token = files.tokens.read_text(encoding="utf-8").split(",", 1)[0]
    return Credentials(**{**files.__dict__, "admin_token": token})


def _write_all(files: Credentials) -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("argosy-local-ca")
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    _write(files.ca, ca.public_bytes(serialization.Encoding.PEM))
    addresses = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.DNSName("kubernetes.default.svc"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        ]
    )
    for subject, certificate, key_file, usage, names in (
        (
            _name("kube-apiserver"),
            files.serving_certificate,
            files.serving_key,
            ExtendedKeyUsageOID.SERVER_AUTH,
            addresses,
        ),
        (
            _name("admin", "system:masters"),
            files.client_certificate,
            files.client_key,
            ExtendedKeyUsageOID.CLIENT_AUTH,
            None,
        ),
    ):  # fmt: skip - a table
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, ca_name, key.public_key()).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(ca_key, hashes.SHA256())
        _write(certificate, signed.public_bytes(serialization.Encoding.PEM))
        _write(key_file, _pem(key))
    _write(files.service_account_key, _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    _write(files.tokens, f'{secrets.token_urlsafe(24)},admin,admin,"system:masters"\n'.encode())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _VALID)
    )


def _name(common: str, organization: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
