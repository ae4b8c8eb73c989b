"""Contactless cards in stripe mode: which messages need a dynamic code, and what its counter is.

The HSM is the test here; `tests/gate/test_dynamic_codes.py` asks a real one.
"""

import pytest

from switch._security import card_proofs
from switch.directory import EventError
from switch.events import IssuerKeysSet
from switch.reasons import Reason
from switch.rules import Security
from tests.support.secure_shop import CARD, NO_SECRETS, SecureShop
from tests.support.shop import Said, Verdict
from tests.switch.test_proofs import chip, declined, outcome

CARD_CODE, CRYPTOGRAM, DYNAMIC_CODE = 4, 8, 32
CHIP = Security(chip=True)
ALL = Security(card_code=True, chip=True, fallback=True)


def track(counter: int, *, service: int = 201, numbers: int = 4, card: str = CARD) -> str:
    """Give a track: code 12345, the counter's last three digits, number 0899."""
    return f"{card}D3012{service}12345{counter % 1000:03}0899{numbers}"


def tap(shop: SecureShop, counter: int, *, mode: str | None = "911") -> Said:
    """Pay in stripe mode, with a code that is right for this counter alone."""

    def hsm(wanted: int, again: int) -> Verdict:
        return (wanted, wanted, 0, 0, 0, counter)

    shop.hsm = hsm
    return shop.buy(de2=None, de22=mode, de35=track(counter))


@pytest.mark.parametrize("security", [CHIP, ALL, Security(card_code=True)])
def test_a_right_code_moves_the_cards_counter(security: Security) -> None:
    shop = SecureShop(security)

    said = tap(shop, 7)

    assert (said.code, said.asked) == ("00", (DYNAMIC_CODE,))
    assert card_proofs(shop.core, shop.card)[2] == 7
    assert card_proofs(shop.replayed(), shop.card)[2] == 7


@pytest.mark.parametrize("again", [7, 6, 0, 508])
def test_a_counter_that_did_not_grow_is_not_asked_about(again: int) -> None:
    shop = SecureShop(CHIP)
    tap(shop, 7)

    said = tap(shop, again)

    assert (outcome(said), said.asked) == (declined(Reason.CRYPTOGRAM_REPEATED), ())


def test_a_counter_may_be_half_a_turn_of_its_digits_ahead() -> None:
    shop = SecureShop(CHIP)
    tap(shop, 7)

    assert tap(shop, 507).code == "00"
    assert card_proofs(shop.core, shop.card)[2] == 507


def test_a_counter_is_completed_over_the_turn_of_its_digits() -> None:
    shop = SecureShop(CHIP)
    for counter in (400, 800, 999, 1001):
        assert tap(shop, counter).code == "00"

    assert card_proofs(shop.core, shop.card)[2] == 1001


def test_the_last_counter_is_the_last() -> None:
    shop = SecureShop(CHIP)
    shop.buy(de22="071", de55=chip(65534))

    assert tap(shop, 65535).code == "00"
    assert outcome(tap(shop, 65536)) == declined(Reason.CRYPTOGRAM_REPEATED)


def test_chip_and_stripe_mode_have_one_counter() -> None:
    shop = SecureShop(CHIP)
    tap(shop, 7)

    assert outcome(shop.buy(de22="071", de55=chip(7))) == declined(Reason.CRYPTOGRAM_REPEATED)
    assert shop.buy(de22="071", de55=chip(8)).code == "00"
    assert outcome(tap(shop, 8)) == declined(Reason.CRYPTOGRAM_REPEATED)


def test_of_two_at_once_with_one_counter_the_first_decided_wins() -> None:
    """Both were right when the HSM was asked; the second one's counter is the card's by then."""
    shop = SecureShop(CHIP)

    def meanwhile(wanted: int, again: int) -> Verdict:
        tap(shop, 7)
        return (wanted, wanted, 0, 0, 0, 7)

    shop.hsm = meanwhile
    said = shop.buy(de2=None, de22="911", de35=track(7))

    assert outcome(said) == declined(Reason.CRYPTOGRAM_REPEATED)
    assert said.asked == (DYNAMIC_CODE,)


def test_a_wrong_code_is_declined_and_leaves_the_counter() -> None:
    shop = SecureShop(CHIP)
    shop.hsm = lambda wanted, again: (wanted, 0, 0, 0, 0, 7)

    said = shop.buy(de2=None, de22="911", de35=track(7))

    assert outcome(said) == declined(Reason.DYNAMIC_CODE_WRONG)
    assert card_proofs(shop.core, shop.card)[2] is None


def test_without_an_hsm_nothing_is_decided() -> None:
    shop = SecureShop(CHIP)
    shop.hsm = lambda wanted, again: (0, 0, 0, wanted, 0, 0)
    before = shop.core.last_seq

    said = shop.buy(de2=None, de22="911", de35=track(7))

    assert outcome(said) == declined(Reason.HSM_UNAVAILABLE)
    assert shop.core.last_seq == before


@pytest.mark.parametrize(
    "sent",
    [
        track(7, numbers=3),
        track(7)[:-1],
        f"{CARD}D3012201",
        None,
    ],
    ids=["says another count of numbers", "a digit short", "no digits", "no track"],
)
def test_a_track_without_its_digits_is_wrong_and_no_hsm_is_asked(sent: str | None) -> None:
    shop = SecureShop(CHIP)

    said = shop.buy(de2=CARD if sent is None else None, de22="911", de35=sent)

    assert outcome(said) == declined(Reason.DYNAMIC_CODE_WRONG)
    assert said.asked == ()


@pytest.mark.parametrize("security", [CHIP, ALL, Security(card_code=True)])
@pytest.mark.parametrize("mode", ["901", "021", "011", "051", "071", None])
def test_no_other_entry_mode_takes_a_track_of_stripe_mode(
    security: Security, mode: str | None
) -> None:
    shop = SecureShop(security)
    shop.hsm = lambda wanted, again: (wanted, 0, 0, 0, 0)

    said = shop.buy(de2=None, de22=mode, de35=track(7))

    by_chip = security.chip and mode in ("051", "071")
    assert outcome(said) == declined(Reason.CRYPTOGRAM_MISSING if by_chip else Reason.CHIP_EXPECTED)


def test_a_fallback_shows_the_stripes_own_code() -> None:
    shop = SecureShop(ALL)
    shop.hsm = lambda wanted, again: (wanted, 0, 0, 0, 0)

    said = shop.buy(de2=None, de22="801", de35=track(7))

    assert outcome(said) == declined(Reason.CARD_CODE_WRONG)
    assert said.asked == (CARD_CODE,)


def test_without_a_key_for_them_a_track_of_stripe_mode_is_a_stripes() -> None:
    shop = SecureShop(ALL)
    shop.record(IssuerKeysSet(programme=1, card_code=NO_SECRETS.card_code))
    shop.hsm = lambda wanted, again: (wanted, 0, 0, 0, 0)

    chipped = shop.buy(de2=None, de22="911", de35=track(7))
    plain = shop.buy(de2=None, de22="911", de35=track(7, service=101))

    assert outcome(chipped) == declined(Reason.CHIP_EXPECTED)
    assert outcome(plain) == declined(Reason.CARD_CODE_WRONG)


def test_a_programme_that_asks_its_cards_for_nothing_takes_any_track() -> None:
    said = SecureShop(Security()).buy(de2=None, de22="911", de35=track(7))

    assert (said.code, said.asked) == ("00", ())


@pytest.mark.parametrize(
    ("code", "number", "counter", "expected"),
    [
        ("1F00", "01FE", 3, "each digit has one use"),
        ("1F00", "00FF", 3, "each digit has one use"),
        ("1F01", "00FE", 3, "each digit has one use"),
        ("0300", "00FE", 3, "3 to 5 digits"),
        ("3F00", "00FE", 3, "3 to 5 digits"),
        ("1F00", "00E0", 3, "1 to 8 digits"),
        ("E000", "1FFE", 3, "1 to 8 digits"),
    ],
)
def test_places_that_prove_too_little_are_refused(
    code: str, number: str, counter: int, expected: str
) -> None:
    shop = SecureShop()
    before = shop.core.last_seq

    with pytest.raises(EventError, match=expected):
        shop.record(
            IssuerKeysSet(programme=1, pcvc3_track2=code, punatc_track2=number, natc_track2=counter)
        )

    assert shop.core.last_seq == before
