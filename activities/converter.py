"""The one data converter, shared by the command line, the worker, replays and the codec server."""

from __future__ import annotations

import dataclasses

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from activities.codec import ArgosyCodec, KeyRing
from argosy.config import Settings
from argosy.errors import InvalidInput


def data_converter(settings: Settings, *, namespace: str) -> DataConverter:
    """Pydantic payloads, compressed, and encrypted where the settings name a key ring.

    Failure messages and stacks are payloads too once encryption is on.

    Raises:
        InvalidInput: encryption is required but no key ring is set, or the key ring is unusable.
    """
    ring = KeyRing.from_settings(settings)
    if ring is None:
        if settings.require_encryption:
            raise InvalidInput(
                "payload encryption is required (ARGOSY_REQUIRE_ENCRYPTION) but no key ring is set; make one with "
                "`argosy keys generate FILE` and point ARGOSY_ENCRYPTION_KEYS at it, or put its content into "
                "ARGOSY_ENCRYPTION_KEY_RING"
            )
        return dataclasses.replace(pydantic_data_converter, payload_codec=ArgosyCodec())
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=ArgosyCodec(key_ring=ring, namespace=namespace),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
