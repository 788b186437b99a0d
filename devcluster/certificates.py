"""The certificates and keys of one local member: its own CA, a serving certificate, an administrator."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devcluster.records import write_private

# Nobody renews the certificates of a cluster that only this machine can reach.
_VALID = dt.timedelta(days=3650)
_SERVING_NAMES = x509.SubjectAlternativeName(
    [
        x509.DNSName("localhost"),
        x509.DNSName("kubernetes.default.svc"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
    ]
)


@dataclass(frozen=True)
class Credentials:
    """Files of one member, all readable by their owner only.

    `client_*` and the first line of `tokens` are two ways to be the same administrator (`system:masters`).
    """

    directory: Path

    @property
    def ca(self) -> Path:
        """The member's certificate authority."""
        return self.directory / "ca.crt"

    @property
    def serving_certificate(self) -> Path:
        return self.directory / "serving.crt"

    @property
    def serving_key(self) -> Path:
        return self.directory / "serving.key"

    @property
    def client_certificate(self) -> Path:
        return self.directory / "admin.crt"

    @property
    def client_key(self) -> Path:
        return self.directory / "admin.key"

    @property
    def service_account_key(self) -> Path:
        """What service account tokens are signed and checked with."""
        return self.directory / "service-account.key"

    @property
    def tokens(self) -> Path:
        """The API server's static token file; rewriting it takes effect at its next start."""
        return self.directory / "tokens.csv"

    @property
    def admin_token(self) -> str:
        """The administrator's bearer token."""
        return self.tokens.read_text(encoding="utf-8").split(",", 1)[0]


def create(directory: Path, *, name: str) -> Credentials:
    """Create the credentials of the member `name` under `directory`; complete ones are kept."""
    credentials = Credentials(directory)
    if credentials.tokens.exists():
        return credentials
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_certificates(credentials, name)
    signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private(credentials.service_account_key, _key_pem(signing_key))
    # Last, because its presence says that all are there.
    token = f'{secrets.token_urlsafe(24)},admin,admin,"system:masters"\n'
    write_private(credentials.tokens, token.encode())
    return credentials


def _write_certificates(credentials: Credentials, name: str) -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _subject(f"{name} local CA")
    ca = (
        _unsigned(ca_name, ca_name, ca_key.public_key(), issuer_key=ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    write_private(credentials.ca, _certificate_pem(ca))

    def issue(subject: x509.Name, usage: x509.ObjectIdentifier, files: tuple[Path, Path]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _unsigned(subject, ca_name, key.public_key(), issuer_key=ca_key.public_key())
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if usage == ExtendedKeyUsageOID.SERVER_AUTH:
            builder = builder.add_extension(_SERVING_NAMES, critical=False)
        write_private(files[0], _certificate_pem(builder.sign(ca_key, hashes.SHA256())))
        write_private(files[1], _key_pem(key))

    issue(
        _subject("kube-apiserver"),
        ExtendedKeyUsageOID.SERVER_AUTH,
        (credentials.serving_certificate, credentials.serving_key),
    )
    issue(
        _subject("admin", "system:masters"),
        ExtendedKeyUsageOID.CLIENT_AUTH,
        (credentials.client_certificate, credentials.client_key),
    )


def _unsigned(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    # The key identifiers are what strict verifiers (OpenSSL's X509_STRICT, Python 3.13's default) insist on.
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(common: str, organization: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
