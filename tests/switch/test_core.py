"""A shard from its journal: whole, in pieces, broken; and the years that dates do not carry."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from switch._core import JournalBroken
from tests.support.shop import PAN_KEY, Shop, new_core, replay_into, state_of


@pytest.fixture(scope="module")
def served() -> Shop:
    """A shop in which everything has happened once."""
    shop = Shop()
    shop.load(1_000_000)
    bought = shop.send(amount_minor=300_000, dialect="ascii")
    shop.refund(bought, 100_000)
    hold = shop.send("0100", amount_minor=5_000)
    shop.complete(hold, 4_000)
    shop.send("0100", amount_minor=6_000)
    shop.send("0400", stan=900)
    shop.send(amount_minor=10**9)
    shop.now_s += 86_400
    shop.expire_holds()
    shop.journal()
    return shop


def test_replay_gives_the_same_shard(served: Shop) -> None:
    replayed = served.replayed()

    assert state_of(replayed) == served.state()
    assert (replayed.last_seq, replayed.chain) == (served.core.last_seq, served.core.chain)


@pytest.mark.parametrize("size", [1, 7, 64, 4_096])
def test_replay_takes_a_stream_in_pieces_of_any_size(served: Shop, size: int) -> None:
    (stream,) = served.journal()
    core = new_core()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]

    replay_into(core, pieces)

    assert state_of(core) == served.state()


@pytest.mark.slow
def test_a_stream_that_is_cut_anywhere_gives_whole_rows_only(served: Shop) -> None:
    (stream,) = served.journal()

    for end in range(0, len(stream) - 2, 5):
        core = new_core(exchange_entries=64, detail_bytes=16_384)
        replay_into(core, [stream[:end]])
        assert core.last_seq < served.core.last_seq or end > len(stream) - 40


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_a_stream_with_a_changed_byte_is_never_replayed_as_a_whole(served: Shop, flip: int) -> None:
    (stream,) = served.journal()

    for at in range(flip % 3, len(stream) - 2, 3):
        core = new_core(exchange_entries=64, detail_bytes=16_384)
        changed = stream[:at] + bytes([stream[at] ^ flip]) + stream[at + 1 :]
        try:
            replay_into(core, [changed])
        except JournalBroken:
            continue
        assert core.last_seq < served.core.last_seq, f"byte {at}"


def test_a_row_that_is_missing_is_named(served: Shop) -> None:
    (stream,) = served.journal()
    core = new_core()
    replay_into(core, [stream])

    with pytest.raises(JournalBroken, match=r"row \d+ is missing: 1 follows"):
        replay_into(core, [stream])


@pytest.mark.parametrize("digits", [1, 12, 16, 19])
def test_a_token_is_the_hmac_of_the_pan(digits: int) -> None:
    pan = "9364001234567890123"[:digits]

    token = new_core().token_of(pan)

    assert token == hmac.new(PAN_KEY, pan.encode(), hashlib.sha256).digest()[:16]


TURNS = [
    datetime(2026, 12, 31, 20, 29, 59, tzinfo=UTC),  # the last second of the year in Tehran
    datetime(2026, 12, 31, 20, 30, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 0, tzinfo=UTC),
    datetime(2028, 2, 28, 12, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2028, 3, 1, 0, 0, tzinfo=UTC),
    datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC),
    datetime(2030, 12, 31, 12, 0, tzinfo=UTC),
]


@pytest.mark.parametrize("now", TURNS, ids=lambda now: f"{now:%Y-%m-%d-%H%M%S}")
@pytest.mark.parametrize(
    ("shift_s", "reason"),
    [
        (-86_401, "clock_outside_window"),
        (-86_400, ""),
        (-1, ""),
        (1, ""),
        (86_400, ""),
        (86_401, "clock_outside_window"),
    ],
)
def test_a_date_is_of_the_year_that_puts_it_nearest(
    now: datetime, shift_s: int, reason: str
) -> None:
    shop = Shop(now_s=int(now.timestamp()))

    said = shop.send(code="310000", amount_minor=None, at=shop.local_at(shift_s), card=0)

    assert said.reason == reason


@pytest.mark.parametrize("year", [2026, 2028, 2031, 2032, 2035, 2036])
@pytest.mark.parametrize("offset_s", [-43_200, 0, 12_600, 50_400])
def test_the_last_month_of_a_year_ends_with_the_year(year: int, offset_s: int) -> None:
    ends_s = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) - offset_s
    shop = Shop(now_s=ends_s - 1, utc_offset_s=offset_s)
    shop.add_card("9364001111111111", (year - 2001) * 100 + 12)

    last = shop.send(code="310000", amount_minor=None, card="9364001111111111").reason
    shop.now_s += 1
    after = shop.send(code="310000", amount_minor=None, card="9364001111111111").reason

    assert (last, after) == ("", "card_expired")
