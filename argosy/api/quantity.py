"""Exact Kubernetes quantities: `100m`, `1.5Gi`, `2e3`.

The smallest unit is a billionth; anything finer is rounded up, away from zero, as Kubernetes does.
Values are therefore held as a whole number of billionths, and nothing here ever touches a float or
overflows. Algorithm source: k8s.io/apimachinery's quantities, of which all non-negative results within
int64 agree; beyond, Kubernetes' own results wrap around.
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Format = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

_NANO = 10**9
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_BY_POWER = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_BY_POWER = {power: suffix for suffix, power in _BINARY.items()}
_SYNTAX = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?", re.ASCII)

_LARGEST_BINARY = (2**63 - 1) * _NANO
_LONGEST = 256


@total_ordering
class Quantity:
    """An amount of a resource, immutable, compared and hashed by value.

    `Quantity("1000m") == Quantity("1")`; the way it was written is remembered only for formatting.
    """

    __slots__ = ("_format", "_nanos")

    _nanos: int
    _format: Format

    def __new__(cls, text: str | int | float | Quantity = 0) -> Quantity:  # noqa: PYI034, PYI041  a YAML number is either; immutable, so never subclassed
        """Parse `text`; a number stands for its decimal text.

        Raises:
            ValueError: the text is not a quantity; the message says what one looks like.
        """
        if isinstance(text, Quantity):
            return text
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise ValueError(_refusal(text))  # noqa: TRY004  pydantic collects ValueError only
        return cls._of(*_parse(str(text)))

    @classmethod
    def _of(cls, nanos: int, written: Format) -> Quantity:
        self = super().__new__(cls)
        object.__setattr__(self, "_nanos", nanos)
        object.__setattr__(self, "_format", written)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"a Quantity cannot be changed (attribute {name})"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[type[Quantity], tuple[str]]:
        return (Quantity, (str(self),))

    @property
    def format(self) -> Format:
        """The notation that `str()` prefers."""
        return self._format

    @property
    def nanos(self) -> int:
        """The exact amount in billionths."""
        return self._nanos

    def value(self) -> int:
        """Return whole units, rounded away from zero."""
        return _divide_away_from_zero(self._nanos, _NANO)

    def milli_value(self) -> int:
        """Return thousandths, rounded away from zero."""
        return _divide_away_from_zero(self._nanos, _NANO // 1000)

    def __add__(self, other: Quantity) -> Quantity:
        """Return the sum in this quantity's notation, or in the other's where this is zero."""
        return Quantity._of(self._nanos + other._nanos, (self if self._nanos else other)._format)

    def __sub__(self, other: Quantity) -> Quantity:
        """Return the difference, which may be negative, in the notation that a sum would have."""
        return Quantity._of(self._nanos - other._nanos, (self if self._nanos else other)._format)

    def __mul__(self, factor: int) -> Quantity:
        return Quantity._of(self._nanos * factor, self._format)

    __rmul__ = __mul__

    def __neg__(self) -> Quantity:
        return Quantity._of(-self._nanos, self._format)

    def __bool__(self) -> bool:
        return self._nanos != 0

    def __eq__(self, other: object) -> bool:
        return self._nanos == other._nanos if isinstance(other, Quantity) else NotImplemented

    def __lt__(self, other: Quantity) -> bool:
        return self._nanos < other._nanos

    def __hash__(self) -> int:
        return hash(self._nanos)

    def __str__(self) -> str:
        """Return the canonical text: no fraction, no precision lost, the largest suffix possible."""
        if not self._nanos:
            return "0"
        units, fraction = divmod(self._nanos, _NANO)
        if self._format == "BinarySI" and not fraction and abs(units) >= 1024:
            return _with_binary_suffix(units)
        return _with_decimal_suffix(self._nanos, exponent_notation=self._format == "DecimalExponent")

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls,
            serialization=core_schema.to_string_ser_schema(),
            json_schema_input_schema=core_schema.str_schema(),
        )


ResourceList = dict[str, Quantity]
"""Amounts by resource name, such as `cpu` and `memory`."""


def _refusal(text: object) -> str:
    return f"{text!r} is not a quantity; write a number with an optional suffix, such as 500m, 2 or 1.5Gi"


def _parse(text: str) -> tuple[int, Format]:
    found = _SYNTAX.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None or not (found[2] or found[3]):
        raise ValueError(_refusal(text[:_LONGEST]))
    sign = -1 if found[1] == "-" else 1
    decimals, suffix = found[3] or "", found[4] or ""
    mantissa = int(found[2] + decimals)
    if suffix in _BINARY:
        # Kubernetes caps only these, at the largest int64.
        nanos = min(_in_nanos(mantissa << _BINARY[suffix], -len(decimals)), _LARGEST_BINARY)
        return sign * nanos, "BinarySI" if nanos >= _NANO or not nanos else "DecimalSI"
    power = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    nanos = _in_nanos(mantissa, power - len(decimals))
    return sign * nanos, "DecimalSI" if suffix in _DECIMAL else "DecimalExponent"


def _in_nanos(mantissa: int, power: int) -> int:
    """Return mantissa x 10^power in billionths, rounded up."""
    shift = power + 9
    return int(mantissa * 10**shift) if shift >= 0 else _divide_away_from_zero(mantissa, 10**-shift)


def _divide_away_from_zero(dividend: int, divisor: int) -> int:
    quotient = -(-abs(dividend) // divisor)
    return quotient if dividend >= 0 else -quotient


def _with_binary_suffix(units: int) -> str:
    power = 0
    while units % 1024 == 0 and power < 60:
        units //= 1024
        power += 10
    return f"{units}{_BINARY_BY_POWER.get(power, '')}"


def _with_decimal_suffix(nanos: int, *, exponent_notation: bool) -> str:
    amount, power = nanos, -9
    while amount % 1000 == 0 and (power < 18 or exponent_notation):
        amount //= 1000
        power += 3
    if exponent_notation:
        return f"{amount}e{power}" if power else str(amount)
    return f"{amount}{_DECIMAL_BY_POWER[power]}"
