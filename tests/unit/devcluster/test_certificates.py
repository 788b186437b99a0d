"""A member's credentials satisfy strict verifiers, and serve one member only."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from devcluster import certificates
from devcluster.certificates import Credentials


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Credentials, Credentials]:
    directory = tmp_path_factory.mktemp("pki")
    east = certificates.create(directory / "east", name="east")
    return east, certificates.create(directory / "west", name="west")


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def verifier(authority: Credentials) -> verification.PolicyBuilder:
    return verification.PolicyBuilder().store(verification.Store([load(authority.ca)]))


@pytest.mark.parametrize(
    "subject",
    [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))],
    ids=["localhost", "127.0.0.1"],
)
def test_serving_certificate_is_valid_for_the_loopback(
    pair: tuple[Credentials, Credentials], subject: x509.DNSName | x509.IPAddress
) -> None:
    east, west = pair
    leaf = load(east.serving_certificate)
    assert verifier(east).build_server_verifier(subject).verify(leaf, [])
    with pytest.raises(verification.VerificationError):
        verifier(west).build_server_verifier(subject).verify(leaf, [])


def test_client_certificate_is_the_administrators(pair: tuple[Credentials, Credentials]) -> None:
    leaf = load(pair[0].client_certificate)
    groups = leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    assert [group.value for group in groups] == ["system:masters"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    server = verifier(pair[0]).build_server_verifier(x509.DNSName("localhost"))
    with pytest.raises(verification.VerificationError):
        server.verify(leaf, [])


def test_all_files_are_private(pair: tuple[Credentials, Credentials]) -> None:
    for credentials in pair:
        assert credentials.directory.stat().st_mode & 0o777 == 0o700
        files = list(credentials.directory.iterdir())
        assert len(files) == 7
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_complete_credentials_are_kept_and_incomplete_ones_made_anew(tmp_path: Path) -> None:
    first = certificates.create(tmp_path, name="east")
    content = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert certificates.create(tmp_path, name="east") == first
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == content
    first.tokens.unlink()
    certificates.create(tmp_path, name="east")
    assert not set(content.values()) & {file.read_bytes() for file in tmp_path.iterdir()}


def test_tokens_differ(pair: tuple[Credentials, Credentials]) -> None:
    tokens = [credentials.admin_token for credentials in pair]
    assert len(set(tokens)) == 2
    assert all(len(token) >= 32 for token in tokens)
