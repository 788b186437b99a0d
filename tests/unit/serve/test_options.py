from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from argosy.errors import InvalidInput
from serve.options import ServeOptions

HERE: dict[str, Any] = {"listen": "127.0.0.1:8484"}
AWAY: dict[str, Any] = {"listen": "0.0.0.0:8484"}
FILE = Path("file")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (HERE, "nothing to serve"),
        (HERE | {"rules": FILE}, "give --alert-token or --alert-hmac"),
        (AWAY | {"rules": FILE, "insecure": True}, "--insecure is for loopback only"),
        ({"listen": "argosy.example.com:80", "rules": FILE, "insecure": True}, "--insecure is for loopback"),
        (HERE | {"codec_token": FILE, "alert_token": FILE}, "give --rules too"),
        (HERE | {"codec_token": FILE, "dry_run": True}, "give --rules too"),
        (HERE | {"rules": FILE, "alert_token": FILE, "ui_origins": ("http://a",)}, "give --codec-token too"),
        (HERE | {"rules": FILE, "insecure": True, "show_secrets": True}, "give --codec-token too"),
        (
            HERE | {"ui_origins": ("http://a",), "insecure": True, "show_secrets": True},
            "--show-secrets needs",
        ),
        (HERE | {"codec_token": FILE, "tls_key": FILE}, "give --tls-cert and --tls-key"),
        (HERE | {"codec_token": FILE, "tls_cert": FILE}, "give --tls-cert and --tls-key"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ServeOptions(**given).check()


@pytest.mark.parametrize(
    ("given", "alerts", "codec"),
    [
        (AWAY | {"rules": FILE, "alert_token": FILE}, True, False),
        (AWAY | {"rules": FILE, "alert_hmac": FILE, "dry_run": True}, True, False),
        (AWAY | {"codec_token": FILE, "show_secrets": True, "allow_encode": True}, False, True),
        (HERE | {"rules": FILE, "insecure": True}, True, False),
        ({"listen": "[::1]:1", "ui_origins": ("http://localhost:8233",), "insecure": True}, False, True),
        ({"listen": "localhost:1", "rules": FILE, "insecure": True}, True, False),
    ],
)
def test_what_is_served(given: dict[str, Any], alerts: bool, codec: bool) -> None:
    options = ServeOptions(**given)
    options.check()
    assert (options.alerts, options.codec) == (alerts, codec)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "localhost:8233",
        "http://localhost:8233/",
        "http://localhost:8233/x",
        "http://*.example.com",
        "http://a@b",
        "http://A",
        "https://a:443",
        "http://a:80",
        "http://a:x",
        "ftp://a",
        "http://",
        "http://[",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(InvalidInput, match="--ui-origin"):
        ServeOptions(**HERE, codec_token=FILE, ui_origins=(origin,)).check()


@pytest.mark.parametrize(
    "origin", ["http://localhost:8233", "https://temporal.example.com", "http://[::1]:8233"]
)
def test_origins_as_browsers_write_them_are_taken(origin: str) -> None:
    ServeOptions(**HERE, codec_token=FILE, ui_origins=(origin,)).check()
