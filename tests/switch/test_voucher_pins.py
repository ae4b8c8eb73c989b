"""The PIN of a voucher in a message: how it is read, and what its digest is made with."""

import msgspec
import pytest

from issuers.prepaid import prepaid
from issuers.voucher import voucher
from switch.directory import EventError
from switch.events import CardsAdded, IssuerKeysSet, TerminalKeysSet
from tests.support.secure_shop import CARD, WITH_PIN
from tests.support.shop import Shop
from tests.support.voucher_shop import (
    PRICE_MINOR,
    SEALED,
    VOUCHER_PIN,
    VOUCHERS,
    VoucherShop,
    digest_of,
    number_of,
    vouchers_added,
)

MAC, CARD_PIN = 1, 2
PIN = "00112233445566778899AABBCCDDEEFF" * 2  # a vector and three blocks, of whatever


@pytest.mark.parametrize("wrong", ["", "00", PIN[:32], PIN[:-2], PIN * 2, PIN.lower(), "?" * 64])
def test_what_is_no_encrypted_pin_is_a_format_error(wrong: str) -> None:
    said = Shop().send(extra={"48.VP": wrong})

    assert (said.code, said.tag("RE")) == ("30", "48")


@pytest.mark.parametrize("blocks", [3, 4, 5, 6])
def test_whole_blocks_with_their_vector_are_read(blocks: int) -> None:
    shop = Shop()
    shop.send(code="210000", amount_minor=200_000)

    assert shop.send(extra={"48.VP": (PIN * 2)[: 16 * blocks]}).code == "00"


def test_a_repeat_with_another_pin_is_no_repeat() -> None:
    shop = Shop()
    first = shop.send(stan=7, at="0415120000", extra={"48.VP": PIN})

    again = shop.send(stan=7, at="0415120000", extra={"48.VP": PIN})
    other = shop.send(stan=7, at="0415120000", extra={"48.VP": PIN[::-1]})

    assert again.reply == first.reply
    assert other.reason == "duplicate_with_other_content"


def test_digests_of_vouchers_are_made_in_one_way_only() -> None:
    shop = Shop()
    keys = IssuerKeysSet(programme=1, voucher="S1", voucher_key=1, voucher_label="TEN")
    shop.record(keys)
    shop.record(IssuerKeysSet(programme=1, voucher="S2", voucher_key=1, voucher_label="TEN"))

    for number, label in ((2, "TEN"), (1, "ELEVEN")):
        with pytest.raises(EventError, match="under key 1 and label TEN"):
            shop.record(
                IssuerKeysSet(programme=1, voucher="S3", voucher_key=number, voucher_label=label)
            )
    with pytest.raises(EventError, match="need a label"):
        Shop().record(IssuerKeysSet(programme=1, voucher="S1"))


def test_a_message_with_mac_card_pin_and_voucher_pin_asks_once_for_all() -> None:
    shop = VoucherShop(prepaid(1, 1, 1, security=WITH_PIN, vouchers=VOUCHERS))
    shop.record(IssuerKeysSet(programme=1, pin_verification=SEALED))
    shop.record(
        TerminalKeysSet(
            terminal=0, pin=SEALED, data=SEALED, mac=SEALED, mac_algorithm="retail", at_s=shop.now_s
        )
    )
    shop.record(
        CardsAdded(
            programme=1,
            tokens=shop.core.token_of(CARD),
            expiries=(3012).to_bytes(2, "little"),
            first6=int(CARD[:6]).to_bytes(4, "little"),
            last4=int(CARD[-4:]).to_bytes(2, "little"),
            pvvs=(4402).to_bytes(2, "little"),
            pvkis=b"\x01",
        )
    )
    sold = shop.send(
        code="720000", amount_minor=PRICE_MINOR, card=number_of(1), terminal="T0000002"
    )
    shop.hsm = lambda wanted, again: (wanted, wanted, 0, 0, 0, 0, digest_of("pin1"))

    said = shop.send(
        code="730000",
        amount_minor=None,
        card=CARD,
        extra={"48.VP": PIN, 52: "0123456789ABCDEF", 64: "0" * 16},
    )

    assert sold.code == "00"
    assert said.code == "00"
    assert said.asked == (MAC | CARD_PIN | VOUCHER_PIN,)


def test_what_is_asked_about_no_voucher_asks_for_no_digest() -> None:
    """Another operation, a programme that takes none, a terminal or vouchers without keys."""
    takes_none = VoucherShop(prepaid(1, 1, 1))
    no_data_key = VoucherShop()
    no_data_key.record(TerminalKeysSet(terminal=0, pin=SEALED))
    no_digest_key = Shop(prepaid(1, 1, 1, vouchers=VOUCHERS), earlier=(voucher(VOUCHERS, 1, 1),))
    no_digest_key.record(TerminalKeysSet(terminal=0, data=SEALED))

    outcomes = []
    for shop in (takes_none, no_data_key, no_digest_key):
        said = shop.send(code="730000", amount_minor=None, extra={"48.VP": PIN})
        outcomes.append((said.code, said.reason, said.asked))
    bought = VoucherShop().send(amount_minor=1_000, extra={"48.VP": PIN})

    assert outcomes == [
        ("57", "operation_not_allowed", ()),
        ("58", "no_terminal_keys", ()),
        ("91", "hsm_unavailable", ()),
    ]
    assert bought.asked == ()


def test_digests_that_were_made_in_another_way_are_not_loaded() -> None:
    shop = VoucherShop()
    replace = msgspec.structs.replace
    batch = vouchers_added(shop, {50: "pin50"})

    for other in (replace(batch, digest_key=2), replace(batch, digest_label="ELEVEN")):
        with pytest.raises(EventError, match="digests with key 1 and label TEN"):
            shop.record(other)
    shop.record(batch)
