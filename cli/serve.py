"""`argosy serve`: take alerts, and decode payloads for Temporal's UI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from argosy.config import Settings
from cli.options import ProfileOption
from cli.runtime import run


def serve(
    listen: Annotated[
        str | None,
        typer.Option("--listen", help="host:port to listen on.", show_default="127.0.0.1:8484"),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="Take alerts at POST /alerts, by the rules in this file.")
    ] = None,
    alert_token: Annotated[
        Path | None, typer.Option("--alert-token", help="File with the bearer token that alerts come with.")
    ] = None,
    alert_hmac: Annotated[
        Path | None, typer.Option("--alert-hmac", help="File with the key that alerts are signed with.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Answer what alerts would do, and do nothing.")
    ] = False,
    codec_token: Annotated[
        Path | None,
        typer.Option("--codec-token", help="Decode payloads at POST /decode for who sends the token in it."),
    ] = None,
    ui_origin: Annotated[
        list[str] | None,
        typer.Option("--ui-origin", help="Origin of a Temporal UI whose pages may decode; repeatable."),
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Do not mask values of Secrets in decoded payloads.")
    ] = False,
    allow_encode: Annotated[bool, typer.Option("--allow-encode", help="Answer POST /encode too.")] = False,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="PEM certificate to serve with.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its private key.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Need no credentials; on loopback only.")
    ] = False,
    profile: ProfileOption = None,
) -> None:
    """Take Alertmanager's webhook and decode payloads, until interrupted."""

    async def command(settings: Settings) -> int:
        from activities import logs
        from serve.app import run as serve_until_stopped
        from serve.options import ServeOptions

        logs.set_up(settings)
        options = ServeOptions(
            listen=listen or settings.serve_listen,
            rules=rules,
            alert_token=alert_token,
            alert_hmac=alert_hmac,
            dry_run=dry_run,
            codec_token=codec_token,
            ui_origins=tuple(ui_origin or ()),
            show_secrets=show_secrets,
            allow_encode=allow_encode,
            tls_cert=tls_cert,
            tls_key=tls_key,
            insecure=insecure,
        )
        await serve_until_stopped(settings, options, profile=profile)
        return 0

    run(command)
