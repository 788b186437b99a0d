"""Kubernetes quantities with exact arithmetic: `100m`, `1.5Gi`, `2e3`."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from functools import total_ordering
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_PATTERN = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+|)"
)
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_NANO = Decimal("1e-9")


@total_ordering
class Quantity:
    """A number with a Kubernetes suffix; equal by value, whatever the notation.

    Amounts finer than a billionth are rounded up, as Kubernetes does.
    """

    __slots__ = ("_binary", "_exponent", "value")

    def __init__(self, value: Decimal | int, *, binary: bool = False, exponent: bool = False) -> None:
        self.value = Decimal(value).quantize(_NANO, rounding=ROUND_CEILING) if value else Decimal(0)
        self._binary = binary
        self._exponent = exponent

    @classmethod
    def parse(cls, text: str | float) -> Quantity:
        """Read a quantity.

        Raises:
            ValueError: the text is no quantity.
        """
        match = _PATTERN.fullmatch(str(text))
        if match is None:
            raise ValueError(f"{text!r} is not a quantity; write for example 100m, 1.5 or 2Gi")
        number, suffix = Decimal(match["number"]), match["suffix"]
        if suffix in _BINARY:
            return cls(number * 2 ** _BINARY[suffix], binary=True)
        if suffix in _DECIMAL:
            return cls(number.scaleb(_DECIMAL[suffix]))
        return cls(number.scaleb(int(suffix[1:])), exponent=True)

    def milli(self) -> int:
        """The value in thousandths, rounded up."""
        return int((self.value * 1000).to_integral_value(rounding=ROUND_CEILING))

    def whole(self) -> int:
        """The value in units, rounded up."""
        return int(self.value.to_integral_value(rounding=ROUND_CEILING))

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.value + other.value, binary=self._binary, exponent=self._exponent)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.value - other.value, binary=self._binary, exponent=self._exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.value == other.value

    def __lt__(self, other: Quantity) -> bool:
        return self.value < other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"

    def __str__(self) -> str:
        """The canonical form: no fraction, the largest suffix that allows it."""
        if self._binary and self.value == self.value.to_integral_value():
            return self._binary_form()
        return self._decimal_form()

    def _binary_form(self) -> str:
        amount = int(self.value)
        for suffix, bits in sorted(_BINARY.items(), key=lambda item: -item[1]):
            if amount and amount % (1 << bits) == 0:
                return f"{amount >> bits}{suffix}"
        return str(amount)

    def _decimal_form(self) -> str:
        if not self.value:
            return "0"
        for suffix, power in sorted(_DECIMAL.items(), key=lambda item: -item[1]):
            scaled = self.value.scaleb(-power)
            if scaled == scaled.to_integral_value():
                if self._exponent and power:
                    return f"{int(scaled)}e{power}"
                return f"{int(scaled)}{suffix}"
        raise AssertionError("a quantity is always a whole number of billionths")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(value),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


ResourceList = dict[str, Quantity]
