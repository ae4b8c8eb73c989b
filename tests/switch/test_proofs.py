"""What a message has to prove: what the HSM is asked for, and what follows from its verdict.

The HSM is the test here: it says what each test wants. `tests/gate/test_hsm.py` asks a real one.
"""

from functools import partial

import pytest

from acquirers.pos import POS_BINARY
from switch._lane import Lane
from switch._security import card_proofs
from switch.directory import Directory, EventError
from switch.events import (
    CardReissued,
    DerivationKeySet,
    IssuerKeysSet,
    KeyCounterReset,
    PinTriesReset,
)
from switch.reasons import RESPONSE_CODES, Reason
from switch.rules import Security
from tests.support.secure_shop import CARD, NO_SECRETS, SecureShop
from tests.support.shop import PANS, Said, Verdict, new_core, spec
from tests.switch.test_snapshot import load, parts, rows

MAC, PIN, CARD_CODE, CRYPTOGRAM = 1, 2, 4, 8
BLOCK = "0123456789ABCDEF"
TRACK2 = CARD + "D3012{service}0440212300000"


def chip(counter: int, amount_minor: int = 100_000) -> str:
    """Give DE 55 with a cryptogram under a transaction counter, over an amount."""
    return f"9F3602{counter:04X}9F26081122334455667788" + f"9F0206{amount_minor:012}"


def wrong(wanted: int, again: int) -> Verdict:
    return (wanted, 0, 0, 0, 0)


def away(wanted: int, again: int) -> Verdict:
    return (0, 0, 0, wanted, 0)


def unreadable(wanted: int, again: int) -> Verdict:
    return (wanted, 0, wanted, 0, 1 if again else 0)


def outcome(said: Said) -> tuple[str, str]:
    return said.code, said.reason


def declined(reason: Reason) -> tuple[str, str]:
    return str(RESPONSE_CODES[reason]), reason.name.lower()


def test_a_pin_that_is_right_is_asked_for_once_and_approved() -> None:
    shop = SecureShop()

    said = shop.buy(de52=BLOCK)

    assert outcome(said) == ("00", "")
    assert said.asked == (PIN,)


def test_a_message_without_a_pin_asks_no_hsm() -> None:
    shop = SecureShop()

    assert outcome(shop.buy()) == ("00", "")
    assert shop.buy().asked == ()


def test_a_programme_that_needs_a_pin_declines_without_one() -> None:
    assert outcome(SecureShop(Security(pin="always")).buy()) == declined(Reason.PIN_MISSING)


def test_a_programme_without_pins_ignores_one() -> None:
    said = SecureShop(Security(pin="never")).buy(de52=BLOCK)

    assert (said.code, said.asked) == ("00", ())


def test_wrong_pins_are_counted_and_then_no_pin_is_right() -> None:
    shop = SecureShop()
    shop.hsm = wrong

    outcomes = [outcome(shop.buy(de52=BLOCK)) for _ in range(3)]
    shop.hsm = lambda wanted, again: (wanted, wanted, 0, 0, 0)
    after = shop.buy(de52=BLOCK)

    assert outcomes == [declined(Reason.PIN_WRONG)] * 3
    assert outcome(after) == declined(Reason.PIN_TRIES_EXCEEDED)
    assert after.asked == (), "a locked card's PIN is no oracle"


def test_a_verdict_that_comes_after_the_card_was_locked_counts_for_nothing() -> None:
    """A hundred at once: all are asked while tries are left, and are decided one by one."""
    shop = SecureShop()
    lane = shop.lanes["binary"]
    requests = [shop.encoded(shop.message(card=CARD, extra={52: BLOCK})) for _ in range(100)]
    answer = partial(lane.answer, now_us=shop.now_s * 1_000_000, utc_offset_s=shop.utc_offset_s)
    asked = [answer(request)[3] for request in requests]

    decided = []
    for number, request in enumerate(requests):
        right = PIN if number == 99 else 0
        _, reply, _, _ = answer(request, verdict=(PIN, right, 0, 0, 0))
        decided.append(reply)

    assert asked == [("prove", PIN)] * 100
    assert shop.tries() == 3
    assert sum(b"pin_wrong" in reply for reply in decided) == 3
    assert sum(b"pin_tries_exceeded" in reply for reply in decided) == 97


def test_a_right_pin_gives_the_tries_back_even_when_the_purchase_is_declined() -> None:
    shop = SecureShop()
    shop.hsm = wrong
    shop.buy(de52=BLOCK)
    shop.hsm = lambda wanted, again: (wanted, wanted, 0, 0, 0)

    said = shop.buy(de52=BLOCK, de4="000099000000")

    assert said.reason == "insufficient_funds"
    assert shop.tries() == 0


def test_an_operator_unlocks_a_card() -> None:
    shop = SecureShop()
    shop.hsm = wrong
    for _ in range(4):
        shop.buy(de52=BLOCK)

    shop.record(PinTriesReset(card=shop.card, why="asked at the desk"))
    shop.hsm = lambda wanted, again: (wanted, wanted, 0, 0, 0)

    assert shop.buy(de52=BLOCK).code == "00"


def test_tries_and_counters_are_rebuilt_from_the_journal() -> None:
    shop = SecureShop(Security(pin="if_sent", chip=True))
    shop.hsm = wrong
    shop.buy(de52=BLOCK)
    shop.hsm = lambda wanted, again: (wanted, wanted, 0, 0, 0)
    shop.buy(de22="071", de23="001", de55=chip(17))
    shop.hsm = wrong
    shop.buy(de52=BLOCK)

    again = shop.replayed()

    assert card_proofs(shop.core, shop.card) == (2, 4402, 17)
    assert card_proofs(again, shop.card) == (2, 4402, 17)


def test_a_block_that_cannot_be_read_costs_no_try() -> None:
    shop = SecureShop()
    shop.hsm = unreadable

    assert outcome(shop.buy(de52=BLOCK)) == declined(Reason.PIN_UNREADABLE)
    assert shop.tries() == 0


def test_a_terminal_without_keys_cannot_send_a_pin() -> None:
    shop = SecureShop()

    said = shop.send(card=CARD, terminal="T0000002", extra={52: BLOCK})

    assert outcome(said) == declined(Reason.NO_TERMINAL_KEYS)


def test_without_an_hsm_what_needs_one_gets_91_and_leaves_no_row() -> None:
    shop = SecureShop()
    shop.hsm = away
    before = shop.core.last_seq

    said = shop.buy(de52=BLOCK)

    assert outcome(said) == declined(Reason.HSM_UNAVAILABLE)
    assert shop.core.last_seq == before
    assert shop.buy().code == "00", "what needs no HSM goes on"


def test_a_repeat_is_answered_from_memory_without_an_hsm() -> None:
    shop = SecureShop()
    message = shop.message(card=CARD, extra={52: BLOCK})
    first = shop.ask(message)
    shop.hsm = away

    again = shop.ask(message)

    assert again.reply == first.reply


def test_a_wrong_card_code_on_the_stripe_is_declined() -> None:
    shop = SecureShop(Security(pin="if_sent", card_code=True))
    shop.hsm = wrong

    said = shop.buy(de22="901", de35=TRACK2.format(service=101), de2=None)

    assert outcome(said) == declined(Reason.CARD_CODE_WRONG)
    assert said.asked == (CARD_CODE,)


@pytest.mark.parametrize("mode", ["051", "071", "911", "801", "011", None])
def test_no_entry_mode_goes_around_the_code_of_a_programme_without_chips(mode: str | None) -> None:
    shop = SecureShop(Security(card_code=True, fallback=True))
    track = TRACK2.format(service=101)
    shop.record(IssuerKeysSet(programme=1, card_code=NO_SECRETS.card_code))

    right = shop.buy(de22=mode, de35=track, de55=chip(1), de2=None)
    shop.hsm = wrong
    forged = shop.buy(de22=mode, de35=track, de55=chip(2), de2=None)

    assert (right.code, right.asked) == ("00", (CARD_CODE,))
    assert outcome(forged) == declined(Reason.CARD_CODE_WRONG)


@pytest.mark.parametrize(
    ("mode", "fallback", "expected"),
    [
        ("901", True, declined(Reason.CHIP_EXPECTED)),
        ("021", True, declined(Reason.CHIP_EXPECTED)),
        ("011", True, declined(Reason.CHIP_EXPECTED)),
        (None, True, declined(Reason.CHIP_EXPECTED)),
        ("801", False, declined(Reason.CHIP_EXPECTED)),
        ("801", True, ("00", "")),
    ],
)
def test_a_chip_card_is_swiped_only_as_a_fallback(
    mode: str | None, fallback: bool, expected: tuple[str, str]
) -> None:
    shop = SecureShop(Security(pin="if_sent", chip=True, fallback=fallback))

    said = shop.buy(de22=mode, de35=TRACK2.format(service=201), de2=None)

    assert outcome(said) == expected


def test_a_card_without_a_chip_may_be_swiped() -> None:
    said = SecureShop(Security(pin="if_sent", chip=True)).buy(
        de22="901", de35=TRACK2.format(service=101), de2=None
    )

    assert said.code == "00"


def test_a_cryptogram_is_taken_once() -> None:
    shop = SecureShop(Security(pin="if_sent", chip=True))

    first = shop.buy(de22="051", de55=chip(5))
    replayed = shop.buy(de22="051", de55=chip(5))
    older = shop.buy(de22="051", de55=chip(4))
    newer = shop.buy(de22="051", de55=chip(6))

    assert (first.code, first.asked) == ("00", (CRYPTOGRAM,))
    assert outcome(replayed) == declined(Reason.CRYPTOGRAM_REPEATED)
    assert outcome(older) == declined(Reason.CRYPTOGRAM_REPEATED)
    assert newer.code == "00"


@pytest.mark.parametrize("new_chip", [False, True])
def test_a_reissued_cards_chip_counts_on_unless_it_is_new(new_chip: bool) -> None:
    shop = SecureShop(Security(pin="if_sent", chip=True))
    shop.buy(de22="051", de55=chip(5))

    shop.record(CardReissued(card=shop.card, expires_yymm=9912, new_chip=new_chip))
    said = shop.buy(de22="051", de55=chip(1))

    assert said.reason == ("" if new_chip else "cryptogram_repeated")


@pytest.mark.parametrize("amount_minor", [0, 99_999, 100_001])
def test_a_right_cryptogram_over_another_amount_proves_nothing(amount_minor: int) -> None:
    shop = SecureShop(Security(pin="if_sent", chip=True))

    said = shop.buy(de22="051", de55=chip(5, amount_minor))

    assert said.asked == (CRYPTOGRAM,)
    assert outcome(said) == declined(Reason.CRYPTOGRAM_WRONG)
    assert card_proofs(shop.core, shop.card)[2] is None


def test_a_wrong_cryptogram_leaves_the_counter() -> None:
    shop = SecureShop(Security(pin="if_sent", chip=True))
    shop.hsm = wrong

    assert outcome(shop.buy(de22="071", de55=chip(9))) == declined(Reason.CRYPTOGRAM_WRONG)
    assert card_proofs(shop.core, shop.card)[2] is None


def test_a_chip_that_shows_no_cryptogram_is_declined() -> None:
    said = SecureShop(Security(pin="if_sent", chip=True)).buy(de22="071")

    assert outcome(said) == declined(Reason.CRYPTOGRAM_MISSING)


def test_a_derived_key_is_used_once() -> None:
    shop = SecureShop()
    shop.record(DerivationKeySet(acquirer=1, key=NO_SECRETS.derivation))

    def buy(serial: str) -> Said:
        return shop.buy(de52=BLOCK, de48=f"KS020{serial}")

    assert buy("FFFF9876543210E00002").code == "00"
    assert outcome(buy("FFFF9876543210E00002")) == declined(Reason.KEY_SERIAL_REPEATED)
    assert outcome(buy("FFFF9876543210E00001")) == declined(Reason.KEY_SERIAL_REPEATED)
    shop.hsm = wrong
    assert outcome(buy("FFFF9876543210E00003")) == declined(Reason.PIN_WRONG)
    assert outcome(buy("FFFF9876543210E00003")) == declined(Reason.KEY_SERIAL_REPEATED)


def test_a_terminal_that_was_loaded_anew_counts_anew() -> None:
    shop = SecureShop()
    shop.record(DerivationKeySet(acquirer=1, key=NO_SECRETS.derivation))

    def buy(counter: int) -> Said:
        return shop.buy(de52=BLOCK, de48=f"KS020FFFF9876543210E{counter:05X}")

    assert buy(9).code == "00"
    shop.record(KeyCounterReset(terminal=0, why="loaded anew"))
    assert buy(1).code == "00"
    assert outcome(buy(1)) == declined(Reason.KEY_SERIAL_REPEATED)
    shop.record(KeyCounterReset(terminal=0, used=5))
    assert outcome(buy(5)) == declined(Reason.KEY_SERIAL_REPEATED)
    assert buy(6).code == "00"


def test_a_counter_that_began_again_does_so_in_a_replay_and_a_snapshot() -> None:
    shop = SecureShop()
    shop.record(DerivationKeySet(acquirer=1, key=NO_SECRETS.derivation))
    assert shop.buy(de52=BLOCK, de48="KS020FFFF9876543210E00009").code == "00"
    before = parts(shop.core)["terminals"]
    shop.record(KeyCounterReset(terminal=0, used=2))

    assert parts(shop.core)["terminals"] != before
    assert parts(shop.replayed())["terminals"] == parts(shop.core)["terminals"]


def test_a_counter_of_no_terminal_is_not_reset() -> None:
    with pytest.raises(EventError, match="terminal 99 is not known"):
        SecureShop().record(KeyCounterReset(terminal=99))


class TestMac:
    """Messages of a terminal whose profile asks for a MAC."""

    def buy(self, shop: SecureShop) -> Said:
        return shop.buy(de64="0000000000000000")

    def test_a_message_without_one_is_refused_and_leaves_no_row(self) -> None:
        shop = SecureShop(mac="retail")
        before = shop.core.last_seq

        assert outcome(shop.buy()) == declined(Reason.MAC_MISSING)
        assert shop.core.last_seq == before

    def test_a_wrong_one_is_refused_and_leaves_no_row(self) -> None:
        shop = SecureShop(mac="cmac")
        shop.hsm = wrong
        before = shop.core.last_seq

        said = self.buy(shop)

        assert outcome(said) == declined(Reason.MAC_WRONG)
        assert (shop.core.last_seq, said.asked) == (before, (MAC,))

    def test_all_that_a_message_needs_is_asked_at_once(self) -> None:
        shop = SecureShop(mac="retail")

        said = shop.buy(de52=BLOCK, de64="0000000000000000")

        assert (said.code, said.asked) == ("00", (MAC | PIN,))

    def test_a_reply_has_room_for_one(self) -> None:
        shop = SecureShop(mac="retail")

        assert self.buy(shop).elements["64"] == "0" * 16

    def test_a_reply_with_later_elements_has_it_at_its_end(self) -> None:
        shop = SecureShop(mac="retail")

        said = shop.send(
            "0800", amount_minor=None, card=None,
            extra={3: None, 42: None, 70: "301", 128: "0" * 16},
        )  # fmt: skip

        assert said.elements["128"] == "0" * 16

    def test_a_repeat_is_not_answered_before_it_is_proven(self) -> None:
        shop = SecureShop(mac="retail")
        message = shop.message(card=CARD, extra={64: "0000000000000000"})
        assert shop.ask(message).code == "00"
        shop.hsm = wrong

        assert outcome(shop.ask(message)) == declined(Reason.MAC_WRONG)

    def test_the_keys_of_before_hold_as_long_as_they_overlap(self) -> None:
        shop = SecureShop(mac="retail")
        shop.set_keys(mac="retail", overlap_seconds=60)

        def old_key(wanted: int, again: int) -> Verdict:
            return (wanted, wanted if again else 0, 0, 0, 1 if again else 0)

        shop.hsm = old_key
        assert self.buy(shop).asked == (MAC, MAC)
        assert self.buy(shop).code == "00"
        shop.now_s += 61
        assert outcome(self.buy(shop)) == declined(Reason.MAC_WRONG)

    def test_nothing_is_believed_without_an_hsm(self) -> None:
        shop = SecureShop(mac="retail")
        shop.hsm = away

        assert outcome(self.buy(shop)) == declined(Reason.HSM_UNAVAILABLE)


def test_other_cards_of_the_shop_are_as_before() -> None:
    said = SecureShop().send(card=PANS[0], extra={52: BLOCK})

    assert said.reason == "insufficient_funds"
    assert said.asked == ()


def test_keys_tries_and_counters_are_in_a_snapshot() -> None:
    shop = SecureShop(Security(pin="if_sent", chip=True), mac="retail")
    shop.record(DerivationKeySet(acquirer=1, key=NO_SECRETS.derivation))
    shop.set_keys(mac="retail", overlap_seconds=60)
    shop.buy(de22="071", de55=chip(17), de64="0" * 16)
    shop.hsm = lambda wanted, again: (wanted, wanted & MAC, 0, 0, 0)
    shop.buy(de52=BLOCK, de64="0" * 16)
    core = new_core()
    load(core, list(rows(parts(shop.core))))
    directory = Directory(core)

    directory.load(shop.directory.dump())

    assert card_proofs(core, shop.card) == card_proofs(shop.core, shop.card) == (1, 4402, 17)
    lane = Lane(core, profile=POS_BINARY, spec=spec("binary"), acquirer=1, acquirer_code=b"581672")
    message = shop.message(card=CARD, extra={52: BLOCK, 64: "0" * 16})
    asked = partial(
        lane.answer,
        shop.encoded(message),
        now_us=shop.now_s * 1_000_000,
        utc_offset_s=shop.utc_offset_s,
    )
    assert asked()[3] == ("prove", MAC | PIN)
    # Wrong under the newer keys: those of before still hold.
    assert asked(verdict=(MAC | PIN, 0, 0, 0, 0))[3] == ("prove", MAC | PIN)
