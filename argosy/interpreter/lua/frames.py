"""What goes over the pipes: JSON after its length, four bytes, most significant first."""

from __future__ import annotations

import json
import struct
from typing import Any

_LENGTH = struct.Struct(">I")
HEADER = _LENGTH.size
LARGEST = 32 * 2**20
"""Bytes of one frame: Retain sends two objects, and text may take six bytes a character."""


def frame(value: Any) -> bytes:
    """`value` as it is sent.

    Raises:
        ValueError: it is larger than `LARGEST`, or no JSON: not finite, not text, not a plain value.
        RecursionError: it is nested too deep.
    """
    try:
        body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except TypeError as error:
        raise ValueError(str(error)) from None
    if len(body) > LARGEST:
        msg = f"{len(body)} bytes are more than {LARGEST}"
        raise ValueError(msg)
    return _LENGTH.pack(len(body)) + body


def length(header: bytes) -> int:
    """How many bytes follow.

    Raises:
        ValueError: more than there may be, so that this is no frame.
    """
    announced = int(_LENGTH.unpack(header)[0])
    if announced > LARGEST:
        msg = f"a frame of {announced} bytes was announced"
        raise ValueError(msg)
    return announced


def content(body: bytes) -> Any:
    """The value in the bytes that followed.

    Raises:
        ValueError: they are no JSON.
    """
    return json.loads(body)
