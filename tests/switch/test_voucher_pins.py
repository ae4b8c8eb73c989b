"""The PIN of a voucher in a message: how it is read, and what its digest is made with."""

import pytest

from switch.directory import EventError
from switch.events import IssuerKeysSet
from tests.support.shop import Shop

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
