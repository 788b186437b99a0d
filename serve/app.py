"""The process of `argosy serve`: wiring, health, TLS, shutdown."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from temporalio.client import Client
from temporalio.service import RPCError

from activities import tracing
from activities.connection import connect
from activities.telemetry import runtime
from argosy.api.alerting import AlertRules, parse_rules
from argosy.config import Settings
from argosy.errors import InvalidInput
from serve.access import Bearer, Signed, read_secret
from serve.alerts import AlertWebhook
from serve.codec import CodecServer
from serve.http import address_of
from serve.metrics import OFF, ServeMetrics
from serve.options import ServeOptions
from serve.steering import Allowance, Steering

logger = logging.getLogger("argosy.serve")

SHUTDOWN = 10.0
"""Seconds that requests under way may still take when the process is told to stop."""
_READY_TIMEOUT = timedelta(seconds=2)


async def run(settings: Settings, options: ServeOptions, *, profile: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way.

    Raises:
        InvalidInput: an option, the rules or a secret file is wrong; nothing was served.
        Unreachable: Temporal does not answer.
    """
    options.check()
    rules = None if options.rules is None else read_rules(options.rules)
    tls = _tls(options)
    secrets = Secrets(options)
    tracing.start("argosy-serve")
    telemetry = runtime(settings)
    client = await connect(settings, profile=profile, runtime=telemetry)
    metrics = ServeMetrics(telemetry.metric_meter) if telemetry and settings.metrics_listen else OFF
    app = application(
        client, options, rules=rules, secrets=secrets, rate=settings.alert_rate, metrics=metrics
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, port = address_of(options.listen)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            raise InvalidInput(
                f"--listen {options.listen}: {error.strerror or error}; choose another address"
            ) from error
        _announce(options, rules, settings, client)
        await stop.wait()
        logger.info("finishing what is under way")
    finally:
        await runner.cleanup()
        await asyncio.to_thread(tracing.stop)


class Secrets:
    """What callers have to know, read before anything is served."""

    def __init__(self, options: ServeOptions) -> None:
        self.alert = _bearer(options.alert_token, "--alert-token")
        self.codec = _bearer(options.codec_token, "--codec-token")
        self.signed = (
            Signed(read_secret(options.alert_hmac, option="--alert-hmac")) if options.alert_hmac else None
        )


def application(
    client: Client,
    options: ServeOptions,
    *,
    rules: AlertRules | None,
    secrets: Secrets,
    rate: int,
    metrics: ServeMetrics = OFF,
) -> web.Application:
    """The routes of the services that are wanted."""
    guard = [_named_locally] if options.insecure else []
    app = web.Application(middlewares=[metrics.requests(), *guard])
    app.on_response_prepare.append(_unnamed)
    app.add_routes([web.get("/healthz", _healthz), web.get("/readyz", _readyz(client))])
    if rules is not None:
        steering = Steering(
            client, rules, allowance=Allowance(rate), dry_run=options.dry_run, metrics=metrics
        )
        webhook = AlertWebhook(steering, bearer=secrets.alert, signed=secrets.signed)
        app.add_routes([web.post("/alerts", webhook.post)])
    codec = client.data_converter.payload_codec
    if options.codec and codec is not None:
        server = CodecServer(
            codec,
            namespace=client.namespace,
            bearer=secrets.codec,
            origins=options.ui_origins,
            show_secrets=options.show_secrets,
            allow_encode=options.allow_encode,
        )
        app.add_routes(server.routes())
    return app


def read_rules(path: Path) -> AlertRules:
    """The rules in a file.

    Raises:
        InvalidInput: it cannot be read, or does not hold valid rules.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"--rules: {path} cannot be read ({error.strerror}); correct the path") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"--rules: {path} is not UTF-8 text; save it as UTF-8") from None
    return parse_rules(text, source=str(path))


def _bearer(path: Path | None, option: str) -> Bearer | None:
    return None if path is None else Bearer(read_secret(path, option=option))


def _tls(options: ServeOptions) -> ssl.SSLContext | None:
    if options.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"--tls-cert {options.tls_cert} and --tls-key {options.tls_key} cannot be used "
            f"({error.strerror or error}); give a PEM certificate and its unencrypted key"
        ) from None
    return context


@web.middleware
async def _named_locally(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Without credentials only pages that know this machine by its own names may reach it.

    Else a page elsewhere could have its name point here, and speak to this process as to its own server.
    """
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise web.HTTPForbidden(text="call this by localhost or 127.0.0.1\n")
    return await handler(request)


async def _unnamed(_: web.Request, response: web.StreamResponse) -> None:
    """Do not tell strangers which versions they talk to."""
    response.headers.pop("Server", None)


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _readyz(client: Client) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def readyz(_: web.Request) -> web.Response:
        try:
            well = await client.service_client.check_health(timeout=_READY_TIMEOUT)
        except RPCError:
            well = False
        return web.Response(text="ok\n") if well else web.Response(status=503, text="Temporal is away\n")

    return readyz


def _announce(options: ServeOptions, rules: AlertRules | None, settings: Settings, client: Client) -> None:
    scheme = "https" if options.tls_cert else "http"
    target = f"{client.service_client.config.target_host}/{client.namespace}"
    logger.info("serving on %s://%s for %s", scheme, options.listen, target)
    if rules is not None:
        mode = (
            "dry run, nothing is done"
            if options.dry_run
            else f"{settings.alert_rate} actions a minute at most"
        )
        logger.info("alerts: %d rules, %s", len(rules.rules), mode)
    if options.codec:
        sealed = "with the key ring" if settings.encrypts else "WITHOUT a key ring"
        secrets = "values of Secrets are SHOWN" if options.show_secrets else "values of Secrets are masked"
        logger.info("codec server: %s, %s", sealed, secrets)
    if options.insecure:
        logger.warning("callers on this machine need no credentials (--insecure)")
    elif not options.local and options.tls_cert is None:
        logger.warning("tokens travel in clear unless something in front of this process speaks TLS")
