"""`POST /alerts`: Alertmanager's webhook."""

from __future__ import annotations

import logging
import math

from aiohttp import web
from pydantic import ValidationError

from argosy.api.alerting import AlertGroup, Result
from serve.access import Bearer, Signed, Unauthenticated
from serve.http import body_of
from serve.steering import Outcome, Steering

logger = logging.getLogger("argosy.serve.alerts")

LARGEST_BODY = 2**20
"""Bytes; a thousand alerts have about half of that."""
_TRY_AGAIN = (Result.RATE_LIMITED, Result.NOT_DELIVERED)
_SECONDS_DOWN = 5


class AlertWebhook:
    """The webhook; either credential is enough, and without any everybody may call."""

    def __init__(self, steering: Steering, *, bearer: Bearer | None, signed: Signed | None) -> None:
        self._steering = steering
        self._bearer = bearer
        self._signed = signed

    async def post(self, request: web.Request) -> web.Response:
        """Act upon every alert of a notification, and answer what became of each."""
        try:
            body, signature = await self._received(request)
        except Unauthenticated as error:
            logger.warning("refused a notification from %s: %s", request.remote, error)
            raise web.HTTPUnauthorized(
                text="unauthorized\n", headers={"WWW-Authenticate": "Bearer"}
            ) from None
        answered = False
        try:
            response = await self._answer(request, body)
            answered = response.status < 500
            return response
        finally:
            # What failed on our side is sent again as it is, with the same signature.
            if signature and self._signed and not answered:
                self._signed.release(signature)

    async def _received(self, request: web.Request) -> tuple[bytes, str]:
        """The body and, where it was signed, the signature that has now been used."""
        if self._bearer is None and self._signed is None:
            return await body_of(request, most=LARGEST_BODY), ""
        if self._bearer is not None and (self._signed is None or "Authorization" in request.headers):
            # Before the body is read: nobody without the token makes this process hold a megabyte.
            self._bearer.check(request.headers)
            return await body_of(request, most=LARGEST_BODY), ""
        if self._signed is None:
            raise Unauthenticated("no credential is configured")
        body = await body_of(request, most=LARGEST_BODY)
        return body, self._signed.check(request.headers, body)

    async def _answer(self, request: web.Request, body: bytes) -> web.Response:
        # A page in a browser can send anything but this type to another site without being asked about it.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send application/json\n")
        try:
            group = AlertGroup.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            logger.warning("a notification is not of version 4: %s: %s", where, first["msg"])
            raise web.HTTPBadRequest(text=f"{where}: {first['msg']}\n") from None
        if group.truncated_alerts:
            logger.warning(
                "Alertmanager left out %d alerts of group %r; raise max_alerts of its webhook",
                group.truncated_alerts,
                group.group_key,
            )
        return self._response(await self._steering.act(group.alerts))

    def _response(self, outcomes: list[Outcome]) -> web.Response:
        answer = [outcome.answer() for outcome in outcomes]
        results = {outcome.result for outcome in outcomes}
        if not results.intersection(_TRY_AGAIN):
            return web.json_response(answer)
        # Alertmanager's webhook comes again after 5xx only: it would take a 429 for a final refusal and drop the
        # notification. What was done already is known then, so that the rest follows.
        limited = Result.RATE_LIMITED in results
        wait = math.ceil(self._steering.allowance.wait()) if limited else _SECONDS_DOWN
        return web.json_response(answer, status=503, headers={"Retry-After": str(max(1, wait))})
