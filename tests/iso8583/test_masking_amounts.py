"""DE 54 is shown: its digits are balances, and the safety net would take many of them for a PAN."""

from switch.iso8583.masking import masked


def test_balances_are_shown_as_they_are() -> None:
    balances = "0001364C0000491234560002364C0000491234566001999C0000000001206002999C000000000120"

    assert masked(balances, "amounts") == balances


def test_what_is_no_balance_goes_through_the_safety_net() -> None:
    shown = masked("card 4111111111111111", "amounts")

    assert "4111111111111111" not in shown
