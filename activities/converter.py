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
    if settings.encryption_keys is None:
        if settings.require_encryption:
            raise InvalidInput(
                "payload encryption is required but no key ring is set; point ARGOSY_ENCRYPTION_KEYS at one"
            )
        return dataclasses.replace(pydantic_data_converter, payload_codec=ArgosyCodec())
    codec = ArgosyCodec(key_ring=KeyRing.load(settings.encryption_keys), namespace=namespace)
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
