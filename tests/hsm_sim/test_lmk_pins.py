"""PINs under both kinds of LMK, and policies about formats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import pin_policy
from hsm_sim._pins import FORMATS, Pin
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Lmk
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from hsm_sim.lmk_pins import open_pin, seal_pin, take_pin
from hsm_sim.pin_policy import PinPolicy

VARIANT: Lmk = VariantLmk.published_test_set()
BLOCK: Lmk = KeyBlockLmk.published_test_key()
ACCOUNT = "550000025321"
LMKS = pytest.mark.parametrize("lmk", [VARIANT, BLOCK], ids=["variant", "key block"])
pins = st.text("0123456789", min_size=4, max_size=12).map(str.encode)


@LMKS
@given(pin=pins, account=st.text("0123456789", min_size=12, max_size=12))
def test_a_pin_under_the_lmk_opens(lmk: Lmk, pin: bytes, account: str) -> None:
    text = seal_pin(lmk, Pin.of(pin), account)

    assert open_pin(lmk, text, account).revealed() == pin
    assert take_pin(Fields(text + b"12345" + b"%00\x19 %"), behind=5) == text


def test_the_published_set_leaves_pins_clear_as_published_commands_do() -> None:
    assert seal_pin(VARIANT, Pin.of(b"1234"), ACCOUNT) == b"01234"


def test_a_key_block_lmk_hides_the_pin_and_its_length() -> None:
    sealed = {seal_pin(BLOCK, Pin.of(b"1234"), ACCOUNT) for _ in range(100)}

    assert len(sealed) == 100
    assert {len(text) for text in sealed} == {
        len(seal_pin(BLOCK, Pin.of(b"123456789012"), ACCOUNT))
    }
    assert all(text.startswith(b"J") for text in sealed)


def test_a_pin_under_the_lmk_goes_by_the_twelve_digits_of_a_whole_pan() -> None:
    text = seal_pin(BLOCK, Pin.of(b"1234"), "411" + ACCOUNT + "7")

    assert open_pin(BLOCK, text, ACCOUNT).revealed() == b"1234"


def test_a_pin_of_another_account_is_14() -> None:
    text = seal_pin(BLOCK, Pin.of(b"1234"), ACCOUNT)

    with pytest.raises(Refused) as refused:
        open_pin(BLOCK, text, "550000025322")
    assert refused.value.code is ErrorCode.PIN_UNDER_LMK


@pytest.mark.parametrize(
    ("lmk", "text"),
    [
        (VARIANT, b""),
        (VARIANT, b"0123"),
        (VARIANT, b"11234"),
        (VARIANT, b"01234F"),
        (VARIANT, b"01234567890123"),
        (VARIANT, seal_pin(BLOCK, Pin.of(b"1234"), ACCOUNT)),
        (BLOCK, b"01234"),
        (BLOCK, b"J" + b"0" * 32),
        (BLOCK, b"J" + b"0" * 16),
        (BLOCK, b"J" + b"G" * 32),
    ],
)
def test_what_is_no_pin_under_this_lmk_is_14(lmk: Lmk, text: bytes) -> None:
    with pytest.raises(Refused) as refused:
        open_pin(lmk, text, ACCOUNT)
    assert refused.value.code is ErrorCode.PIN_UNDER_LMK


@pytest.mark.parametrize("code", ["00", "06", "35", "41", "42", "99"])
def test_a_code_without_a_format_is_23(code: str) -> None:
    with pytest.raises(Refused) as refused:
        PinPolicy().format_of(code)
    assert refused.value.code is ErrorCode.PIN_BLOCK_FORMAT


def test_a_site_may_have_other_codes() -> None:
    policy = PinPolicy(codes={"47": pin_policy.ISO_4})

    assert policy.format_of("47") == pin_policy.ISO_4
    with pytest.raises(Refused):
        policy.format_of("01")


@pytest.mark.parametrize("source", [*sorted(pin_policy.BOUND_TO_ACCOUNT), None])
def test_a_pin_that_is_bound_to_an_account_stays_bound(source: int | None) -> None:
    with pytest.raises(Refused) as refused:
        PinPolicy().check_target(pin_policy.ISO_1, source)
    assert refused.value.code is ErrorCode.PIN_BLOCK_FORMAT_DISABLED
    PinPolicy(losing_the_account=True).check_target(pin_policy.ISO_1, source)


@pytest.mark.parametrize("source", [*sorted(FORMATS.values()), None])
def test_format_2_never_goes_to_a_network(source: int | None) -> None:
    for policy in (PinPolicy(), PinPolicy(losing_the_account=True)):
        with pytest.raises(Refused) as refused:
            policy.check_target(pin_policy.ISO_2, source)
        assert refused.value.code is ErrorCode.PIN_BLOCK_FORMAT_DISABLED


def test_a_pin_without_an_account_may_get_one() -> None:
    for target in (pin_policy.ISO_0, pin_policy.ISO_1, pin_policy.ISO_3, pin_policy.ISO_4):
        PinPolicy().check_target(target, pin_policy.ISO_1)
