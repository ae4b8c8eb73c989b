"""Which shard owns a card: every slot has an owner, evenly, and the core agrees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch._peers import Peers
from switch.slots import SHARDS_MAX, SLOT_COUNT, even_owners, owners_of, slot_of
from tests.support.shop import new_core


@given(st.integers(1, SHARDS_MAX))
def test_every_slot_has_an_owner_and_no_shard_has_many_more_than_another(shards: int) -> None:
    owners = even_owners(shards)
    sizes = [owners.count(shard) for shard in range(shards)]

    assert len(owners) == SLOT_COUNT
    assert list(owners) == sorted(owners), "ranges are contiguous"
    assert max(sizes) - min(sizes) <= 1


def test_who_owns_what_never_changes_by_itself() -> None:
    assert [even_owners(4).index(shard) for shard in range(4)] == [0, 1024, 2048, 3072]
    assert slot_of(b"\xab\xcd" + bytes(14)) == 0xABC


@given(st.binary(min_size=16, max_size=16), st.integers(1, SHARDS_MAX))
def test_the_core_finds_the_same_owner(token: bytes, shards: int) -> None:
    owners = even_owners(shards)
    peers = Peers(new_core(), owners=list(owners), count=shards, greeting=bytes(32))

    assert peers.owner_of(token) == owners[slot_of(token)]


def test_cards_spread_over_the_shards_however_they_are_numbered() -> None:
    core = new_core()
    owners = even_owners(4)
    counts = [0] * 4
    for number in range(4_000):
        counts[owners[slot_of(core.token_of(f"9364001{number:09d}"))]] += 1

    assert all(900 < count < 1_100 for count in counts), counts


def test_a_map_of_ranges_says_who_owns_what() -> None:
    owners = owners_of(3, [(0, 99, 2), (100, 4095, 0)])

    assert owners[:100] == (2,) * 100
    assert set(owners[100:]) == {0}


@pytest.mark.parametrize(
    ("ranges", "what"),
    [
        ([(0, 4094, 0)], "slot 4095 has no owner"),
        ([(0, 4095, 0), (7, 7, 1)], "some have an owner already"),
        ([(0, 4095, 2)], "shard 2"),
        ([(5, 4, 0)], "slots 5 to 4"),
        ([(0, 4096, 0)], "slots 0 to 4096"),
    ],
)
def test_a_map_with_a_mistake_is_refused(ranges: list[tuple[int, int, int]], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        owners_of(2, ranges)
