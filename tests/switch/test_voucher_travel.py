"""A voucher and the card that redeems it are in different shards: it goes there with its value.

Method: two shards in this process, each of which takes all cards of its own for its own; whatever
one has to know of the other goes through `seek` and `bring`, which a test can lose or repeat.
"""

import msgspec
import pytest

from switch.directory import Directory, EventError
from switch.events import VoucherHandedOver, VoucherReceived, VoucherRefused, decode_event
from switch.voucher_travel import Sought, take_in
from tests.support.shop import Said, events_of, new_core, replay_into, state_of
from tests.support.voucher_pair import HERE, THERE, Pair, moment
from tests.support.voucher_shop import PRICE_MINOR, digest_of, number_of

REFUSED = ("55", "voucher_refused")
AWAY = ("91", "ledger_unavailable")


def outcome(said: Said) -> tuple[str, str]:
    return said.code, said.reason


@pytest.fixture
def pair() -> Pair:
    """Vouchers 1 and 5 are sold."""
    pair = Pair()
    for serial in (1, 5):
        assert pair.there.sell(serial).code == "00"
    return pair


def test_money_comes_from_another_shard(pair: Pair) -> None:
    said = pair.here.redeem("pin1")

    assert (said.code, said.tag("VR")) == ("00", str(PRICE_MINOR))
    assert said.balances()["0002"] == PRICE_MINOR
    assert (pair.there.value(1), pair.there.redeemed_by(1)) == ((0, 0), -1)
    pair.expect_sound()


def test_points_come_from_another_shard(pair: Pair) -> None:
    said = pair.here.redeem("pin5", card=1)

    assert (said.code, said.tag("VT"), said.tag("PE")) == ("00", "700", "")
    assert pair.there.value(5) == (0, 0)
    pair.expect_sound()


def test_what_is_nowhere_is_a_try_and_what_is_not_good_there_too(pair: Pair) -> None:
    said = [pair.here.redeem(pin) for pin in ("nobody's", "pin2")]

    assert [outcome(one) for one in said] == [REFUSED] * 2
    assert said[0].elements.get("48") == said[1].elements.get("48")
    found = [decode_event(body) for body in events_of(pair.there.journal(), THERE).values()]
    card = pair.there.card_of(2)
    assert VoucherRefused(voucher=card, why="not sold") in found
    for at in range(3):
        pair.here.redeem(f"guess {at}")
    pair.asked.clear()
    assert pair.here.redeem("pin1").reason == "voucher_tries_exceeded"
    assert pair.asked == []


def test_when_a_shard_is_away_nothing_is_decided(pair: Pair) -> None:
    pair.cut = True

    said = pair.here.redeem("pin1")

    assert (outcome(said), said.seq) == (AWAY, 0)
    pair.cut = False
    assert pair.here.redeem("pin1").code == "00"


def test_there_is_one_winner_of_two_shards(pair: Pair) -> None:
    assert pair.here.redeem("pin1").code == "00"

    said = [pair.there.redeem("pin1"), pair.here.redeem("pin1", card=2), pair.here.redeem("pin1")]

    assert [outcome(one) for one in said] == [REFUSED, REFUSED, ("12", "voucher_redeemed")]
    pair.expect_sound()


def test_a_reversed_redemption_leaves_it_where_it_is_and_it_can_go_back(pair: Pair) -> None:
    redeemed = pair.here.redeem("pin1")
    assert pair.here.undo(redeemed).code == "00"

    home = pair.there.redeem("pin1", card=3)

    assert home.code == "00"
    assert pair.there.redeemed_by(1) == 3
    assert outcome(pair.here.redeem("pin1")) == REFUSED
    events = [sought.event for sought in pair.asked if sought.event is not None]
    assert [event.hop for event in events] == [1, 2]
    pair.expect_sound()


def test_a_sale_is_not_undone_once_the_voucher_has_left(pair: Pair) -> None:
    sold = pair.there.sell(2)
    pair.here.redeem("pin2")

    said = pair.there.undo(sold, card=number_of(2))

    assert outcome(said) == ("12", "voucher_redeemed")


def test_what_arrives_twice_or_late_is_nothing_new(pair: Pair) -> None:
    pair.here.undo(pair.here.redeem("pin1"))
    first = pair.asked[-1]
    pair.there.redeem("pin1", card=3)
    before = [state_of(shop.core) for shop in pair.both()]

    pair.bring(first, pair.here)
    pair.bring(first, pair.here)

    assert [state_of(shop.core) for shop in pair.both()] == before


def test_what_is_lost_on_the_way_is_owed_and_comes_later(pair: Pair) -> None:
    lost = pair.hand_over(digest_of("pin1"), pair.there, HERE)
    assert lost.state == "handed over"
    assert outcome(pair.there.redeem("pin1")) == REFUSED  # here says that it knows of none

    core = new_core(shard=THERE)
    rebuilt = replay_into(core, pair.there.journal())
    assert rebuilt.travelling.owed == {lost.row: lost.event}
    dumped = msgspec.msgpack.decode(pair.there.directory.dump(), strict=False)
    assert list(dumped["travelling"]) == [lost.row]

    again = pair.hand_over(digest_of("pin1"), pair.there, HERE)
    assert again == lost
    pair.bring(again, pair.here)
    pair.there.record(VoucherReceived(handed_over=lost.row))

    assert pair.there.directory.travelling.owed == {}
    assert pair.here.redeem("pin1").code == "00"
    pair.expect_sound()


def test_a_third_shard_is_told_to_wait(pair: Pair) -> None:
    pair.hand_over(digest_of("pin1"), pair.there, HERE)

    assert pair.hand_over(digest_of("pin1"), pair.there, 2) == Sought(state="under way")


def test_a_voucher_of_a_programme_that_is_not_known_stays_owed(pair: Pair) -> None:
    sought = pair.hand_over(digest_of("pin1"), pair.there, HERE)
    assert isinstance(sought.event, VoucherHandedOver)
    empty = new_core()

    with pytest.raises(EventError, match="is not known"):
        take_in(
            empty,
            Directory(empty),
            sought.event,
            sought.row,
            from_shard=THERE,
            slot=0,
            at=moment(pair.here),
        )

    assert sought.row in pair.there.directory.travelling.owed
