from __future__ import annotations

import copy
import math
import pickle
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from argosy.api.quantity import Quantity, ResourceList


@pytest.mark.parametrize(
    ("text", "canonical", "value", "milli"),
    [
        ("0", "0", 0, 0),
        ("0Gi", "0", 0, 0),
        ("1000", "1k", 1000, 1_000_000),
        ("1024", "1024", 1024, 1_024_000),
        ("1024Ki", "1Mi", 2**20, 2**20 * 1000),
        ("1.5Gi", "1536Mi", 1536 * 2**20, 1536 * 2**20 * 1000),
        ("0.5Ki", "512", 512, 512_000),
        ("1.1Ki", "1126400m", 1127, 1_126_400),
        ("0.1", "100m", 1, 100),
        (".5", "500m", 1, 500),
        ("1.", "1", 1, 1000),
        ("1500m", "1500m", 2, 1500),
        ("-1500m", "-1500m", -2, -1500),
        ("1n", "1n", 1, 1),
        ("0.1n", "1n", 1, 1),
        ("1.5e3", "1500", 1500, 1_500_000),
        ("1E3", "1e3", 1000, 1_000_000),
        ("1E", "1E", 10**18, 10**21),
        ("12e-1", "1200e-3", 2, 1200),
        ("10E", "10E", 10**19, 10**22),
        ("99999999999999999999", "99999999999999999999", 10**20 - 1, (10**20 - 1) * 1000),
        ("8Ei", "9223372036854775807", 2**63 - 1, (2**63 - 1) * 1000),
        ("1e21", "1e21", 10**21, 10**24),
        ("1e-99", "1e-9", 1, 1),
    ],
)
def test_parsing_rounding_and_canonical_text(text: str, canonical: str, value: int, milli: int) -> None:
    quantity = Quantity(text)

    assert (str(quantity), quantity.value(), quantity.milli_value()) == (canonical, value, milli)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "k",
        "1 ",
        " 1",
        "1K",
        "1kk",
        "1Kii",
        "1e",
        "--1",
        "1_0",
        "0x1",
        "\u0661",
        "1e1.5",
        "1e999",
        "NaN",
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a quantity; write a number .* 1\.5Gi"):
        Quantity(text)


@pytest.mark.parametrize("value", [True, None, [], {}])
def test_what_is_neither_text_nor_number_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(value)


@pytest.mark.parametrize(("number", "text"), [(2, "2"), (0.5, "500m"), (1e-7, "100e-9"), (1e22, "10e21")])
def test_numbers_of_a_document_count_as_their_text(number: float, text: str) -> None:
    assert str(Quantity(number)) == text


def test_a_very_long_text_is_refused_without_being_repeated_whole() -> None:
    with pytest.raises(ValueError, match="is not a quantity") as refused:
        Quantity("9" * 100_000)

    assert len(str(refused.value)) < 500


def test_lists_of_resources_read_and_write_canonically() -> None:
    adapter = TypeAdapter(ResourceList)
    resources = adapter.validate_python({"cpu": 2, "memory": "2048Mi"})

    assert adapter.dump_python(resources, mode="json") == {"cpu": "2", "memory": "2Gi"}
    assert adapter.validate_json(adapter.dump_json(resources)) == resources


def test_a_quantity_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="cannot be changed"):
        Quantity("1")._nanos = 5


def test_the_notation_of_a_sum_is_that_of_the_first_operand_unless_zero() -> None:
    assert str(Quantity("1Gi") + Quantity("1000M")) == "2073741824"
    assert str(Quantity("0") + Quantity("1Gi")) == "1Gi"
    assert str(Quantity("1Gi") - Quantity("1Mi")) == "1023Mi"
    assert str(3 * Quantity("100m")) == "300m"


SCALES: dict[str, Fraction] = {
    **{suffix: Fraction(10) ** power for suffix, power in {"n": -9, "u": -6, "m": -3, "": 0}.items()},
    **{suffix: Fraction(1000) ** (power + 1) for power, suffix in enumerate("kMGT")},
    **{f"{suffix}i": Fraction(1024) ** (power + 1) for power, suffix in enumerate("KMGT")},
}
numbers = st.decimals(min_value=-(10**6), max_value=10**6, allow_nan=False, places=6)  # stays below the cap
suffixes = st.sampled_from(sorted(SCALES))
quantities = st.builds(lambda number, suffix: Quantity(f"{number:f}{suffix}"), numbers, suffixes)


@given(numbers, suffixes)
def test_values_are_exact_to_a_billionth_and_rounded_away_from_zero(number: Decimal, suffix: str) -> None:
    quantity = Quantity(f"{number:f}{suffix}")
    nanos = math.ceil(abs(Fraction(number)) * SCALES[suffix] * 10**9)
    sign = -1 if number < 0 else 1

    assert quantity.value() == sign * math.ceil(Fraction(nanos, 10**9))
    assert quantity.milli_value() == sign * math.ceil(Fraction(nanos, 10**6))


@given(quantities)
def test_the_canonical_text_is_a_fixed_point_and_keeps_the_value(quantity: Quantity) -> None:
    text = str(quantity)

    assert Quantity(text) == quantity
    assert str(Quantity(text)) == text
    assert "." not in text


@given(quantities, quantities)
def test_order_agrees_with_subtraction(one: Quantity, two: Quantity) -> None:
    assert (one < two) == ((one - two).value() < 0)
    assert (one == two) == (not one - two)
    assert one + two == two + one
    assert (one + two) - two == one


@given(quantities)
def test_equal_values_hash_alike_and_copies_are_equal(quantity: Quantity) -> None:
    assert hash(quantity + Quantity("0")) == hash(quantity)
    assert copy.deepcopy(quantity) == quantity
    assert pickle.loads(pickle.dumps(quantity)) == quantity


@given(st.text(max_size=40))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    with suppress(ValueError):
        assert Quantity(str(Quantity(text))) == Quantity(text)
