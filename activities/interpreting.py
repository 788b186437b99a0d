"""What objects mean to this process: the customizations and web services that are stored, and Argosy's own rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from activities.policies import interpreting
from activities.runs import RunInputs
from argosy.api.behaviour import Behaviour
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.ids import policies_id
from argosy.api.interpreter_webhook import ResourceInterpreterWebhookConfiguration
from argosy.api.policyset import PolicySetInput
from argosy.errors import ArgosyError, NotFound, Transient
from argosy.interpreter.customized import CustomizedInterpreter
from argosy.interpreter.interpreted import Interpreted
from argosy.interpreter.layered import Layer, Layered
from argosy.interpreter.lua.pool import LuaPool
from argosy.kube.webhook import WebhookInterpreter

Stored = tuple[dict[str, Any], ...]
"""Manifests of customizations and webhook configurations."""

MAX_AGE = 2.0
"""Seconds for which what is stored counts as known."""


class Interpreters:
    """The layered interpreter by what is stored with the policies of the cluster scope."""

    def __init__(self, inputs: RunInputs, *, pool: LuaPool) -> None:
        self._inputs = inputs
        self._pool = pool
        self._stored: Stored = ()
        self._layers: dict[Behaviour, Layered] = {}
        self._webhooks: WebhookInterpreter | None = None
        self._replaced: list[WebhookInterpreter] = []
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def close(self) -> None:
        """End the processes of scripts and the connections with web services."""
        await self._pool.close()
        for one in (*self._replaced, *([self._webhooks] if self._webhooks else [])):
            await one.close()

    def by(self, stored: Stored, behaviour: Behaviour) -> Layered:
        """The interpreter by these customizations and webhook configurations; the same ones give the same one."""
        if stored is not self._stored and stored != self._stored:
            self._layers.clear()
            if self._webhooks is not None:
                # A question may still be under way.
                self._replaced = [*self._replaced[-3:], self._webhooks]
                self._webhooks = None
        self._stored = stored
        known = self._layers.get(behaviour)
        if known is None:
            known = self._layers[behaviour] = self._made(behaviour)
        return known

    async def current(self) -> Layered:
        """The interpreter by what was stored at most `MAX_AGE` ago; by what is known, while Temporal does not answer.

        Raises:
            Transient: nothing is known yet.
        """
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if self._read_at is None or now - self._read_at > MAX_AGE:
                try:
                    await self._read()
                except (Transient, NotFound):
                    if self._read_at is None:
                        raise
                self._read_at = now
        return self.by(self._stored, "argosy")

    async def _read(self) -> None:
        run = await self._inputs.current_run(policies_id(None))
        if run is not None:
            state = (await self._inputs.read(policies_id(None), run, PolicySetInput)).state
            self.by(interpreting(state), "argosy")

    async def interpreted(
        self, template: dict[str, Any], behaviour: Behaviour, *, stored: Stored
    ) -> Interpreted:
        """What planning has to know of a template.

        Raises:
            InterpreterError: a script or a service fails.
            Transient: a service does not answer.
        """
        return await self.by(stored, behaviour).interpreted(template)

    async def revised(
        self, template: dict[str, Any], replicas: Iterable[int], behaviour: Behaviour, *, stored: Stored
    ) -> dict[int, dict[str, Any]]:
        """The template for each of these numbers, where a script or a service has to say it.

        Raises:
            InterpreterError: it fails.
            Transient: a service does not answer.
        """
        return await self.by(stored, behaviour).revised(template, replicas)

    async def assess(self, manifest: Mapping[str, Any]) -> Assessment:
        """How a live object fares; Unknown where that cannot be told."""
        try:
            layered = await self.current()
            return await layered.health(dict(manifest))
        except ArgosyError as error:
            return Assessment(health=ObjectHealth.UNKNOWN, message=str(error))

    def _made(self, behaviour: Behaviour) -> Layered:
        customizations = [
            ResourceInterpreterCustomization.model_validate(one)
            for one in self._stored
            if one["kind"] == "ResourceInterpreterCustomization"
        ]
        services = [
            ResourceInterpreterWebhookConfiguration.model_validate(one)
            for one in self._stored
            if one["kind"] == "ResourceInterpreterWebhookConfiguration"
        ]
        layers: list[Layer] = []
        if customizations:
            layers.append(CustomizedInterpreter(customizations, self._pool, behaviour=behaviour))
        if services:
            self._webhooks = self._webhooks or WebhookInterpreter(services)
            layers.append(self._webhooks)
        return Layered(layers, behaviour=behaviour)
