from __future__ import annotations

import pytest

from argosy.errors import InvalidInput
from serve.http import address_of
from serve.steering import PERIOD, Allowance, Memory


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_no_minute_has_more_actions_than_allowed() -> None:
    clock = Clock()
    allowance = Allowance(2, clock=clock)
    assert allowance.wait() == 0
    assert allowance.take()
    clock.now += 20
    assert allowance.take()
    assert not allowance.take()
    assert allowance.wait() == PERIOD - 20
    clock.now += PERIOD - 20
    assert allowance.take()
    assert not allowance.take()
    assert allowance.wait() == 20


def test_what_did_not_happen_is_not_counted() -> None:
    allowance = Allowance(1, clock=Clock())
    assert allowance.take()
    allowance.give_back()
    assert allowance.take()
    assert not allowance.take()


def test_the_oldest_is_forgotten_first() -> None:
    memory = Memory(most=2)
    memory.add(("paris", "a"), ("paris", "b"))
    memory.add(("paris", "a"))
    memory.add(("oslo", "a"))
    assert [key in memory for key in (("paris", "a"), ("paris", "b"), ("oslo", "a"))] == [True, False, True]


@pytest.mark.parametrize(
    ("listen", "address"),
    [("127.0.0.1:8484", ("127.0.0.1", 8484)), ("[::1]:1", ("::1", 1)), ("localhost:0", ("localhost", 0))],
)
def test_addresses(listen: str, address: tuple[str, int]) -> None:
    assert address_of(listen) == address


@pytest.mark.parametrize("listen", ["8484", ":8484", "host:", "host:x", "host:70000", "[]:1"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(InvalidInput, match="write for example"):
        address_of(listen)
