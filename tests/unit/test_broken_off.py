"""What people are told of a connection to Temporal that a server breaks off, in the client library's own words."""

from __future__ import annotations

import pytest

from activities.connection import no_connection

CALL = "Failed client connect: `get_system_info` call error after connection: Status {{ code: {}, source: Some({}) }}"


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("Unknown", 'hyper::Error(Io, Custom { kind: UnexpectedEof, error: "peer closed connection" })'),
        ("Unknown", "hyper::Error(Io, Kind(ConnectionReset))"),
        ("Unknown", "hyper::Error(Io, Custom { kind: BrokenPipe })"),
        # The moment decides which of the four it is.
        ("Cancelled", 'hyper::Error(Canceled, "connection closed")'),
    ],
)
def test_a_connection_that_is_broken_off_is_said_to_be(code: str, source: str) -> None:
    said = no_connection("temporal:7233", CALL.format(code, source))
    assert "breaks off the connection; where it demands TLS, set" in said
