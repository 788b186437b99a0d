"""What `argosy serve` is told, and what of it does not go together."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from argosy.errors import InvalidInput
from serve.http import address_of


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """The options of the command, by their names.

    Attributes:
        listen: host:port.
        insecure: answer callers without credentials, on loopback only.
    """

    listen: str
    rules: Path | None = None
    alert_token: Path | None = None
    alert_hmac: Path | None = None
    dry_run: bool = False
    codec_token: Path | None = None
    ui_origins: tuple[str, ...] = ()
    show_secrets: bool = False
    allow_encode: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False

    @property
    def alerts(self) -> bool:
        """Whether alerts are taken."""
        return self.rules is not None

    @property
    def codec(self) -> bool:
        """Whether payloads are decoded."""
        return self.codec_token is not None or (self.insecure and bool(self.ui_origins))

    @property
    def local(self) -> bool:
        """Whether only this machine can call."""
        host, _ = address_of(self.listen)
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            InvalidInput: names the option and the remedy.
        """
        address_of(self.listen)
        if not self.alerts and not self.codec:
            raise InvalidInput(
                "there is nothing to serve; give --rules for alerts, --codec-token for the codec server, or both"
            )
        if self.insecure and not self.local:
            raise InvalidInput(
                f"--insecure is for loopback only, and --listen is {self.listen}; give credentials, "
                "or listen on 127.0.0.1"
            )
        if self.alerts and not self.insecure and self.alert_token is None and self.alert_hmac is None:
            raise InvalidInput(
                "alerts move workloads, so their sender has to be known; give --alert-token or --alert-hmac"
            )
        if not self.alerts and (self.alert_token or self.alert_hmac or self.dry_run):
            raise InvalidInput("--alert-token, --alert-hmac and --dry-run are for alerts; give --rules too")
        if not self.codec and (self.ui_origins or self.show_secrets or self.allow_encode):
            raise InvalidInput(
                "--ui-origin, --show-secrets and --allow-encode are for the codec server; give --codec-token too"
            )
        if self.show_secrets and self.codec_token is None:
            raise InvalidInput("--show-secrets needs --codec-token, also with --insecure; give both")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InvalidInput("a certificate and its key belong together; give --tls-cert and --tls-key")
        for origin in self.ui_origins:
            _check_origin(origin)


def _check_origin(origin: str) -> None:
    try:
        parts = urlsplit(origin)
        exact = (
            parts.scheme in {"http", "https"}
            and parts.hostname is not None
            # Browsers write it like that, without the port that the scheme has anyway.
            and origin == f"{parts.scheme}://{parts.netloc}" == origin.lower()
            and "@" not in origin
            and "*" not in origin
            and parts.port != {"http": 80, "https": 443}[parts.scheme]
        )
    except ValueError:
        exact = False
    if not exact:
        raise InvalidInput(
            f"--ui-origin {origin!r} is not an origin as browsers write it; "
            "write for example https://temporal.example.com"
        )
