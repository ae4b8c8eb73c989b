"""What is checked of a programme's keys before they are put in force, and of what they have made.

Knows the events and no key: those are sealed. `switch.directory` asks.
"""

from switch.events import CardsAdded, IssuerKeysSet

CODE_DIGITS_MIN, CODE_DIGITS_MAX = 3, 5  # CVC3: of fewer, too many cards would guess right
UNPREDICTABLE_DIGITS_MAX = 8


def check_issuer_keys(known: IssuerKeysSet | None, event: IssuerKeysSet) -> None:
    """Raise ValueError for keys that cannot take the place of those that are known."""
    _check_places(event)
    _check_voucher_key(known, event)


def check_digests(known: IssuerKeysSet | None, event: CardsAdded) -> None:
    """Raise ValueError for vouchers whose PINs would be digested in another way: never found."""
    if not event.digests:
        return
    if known is None or not known.voucher:
        raise ValueError(f"programme {event.programme} has no key for digests of vouchers' PINs")
    made_with = (known.voucher_key, known.voucher_label)
    if (event.digest_key, event.digest_label) != made_with:
        raise ValueError(
            f"programme {event.programme} digests with key {made_with[0]} and label {made_with[1]}"
        )


def _check_places(event: IssuerKeysSet) -> None:
    """Refuse places of a dynamic code that no track could have, or that would prove too little."""
    code, numbers = int(event.pcvc3_track2, 16), int(event.punatc_track2, 16)
    unpredictable = numbers.bit_count() - event.natc_track2
    if code & numbers or (code | numbers) & 1:
        raise ValueError("pcvc3_track2, punatc_track2: each digit has one use, the last its own")
    if not CODE_DIGITS_MIN <= code.bit_count() <= CODE_DIGITS_MAX:
        raise ValueError(f"pcvc3_track2: {CODE_DIGITS_MIN} to {CODE_DIGITS_MAX} digits of a code")
    if not 1 <= unpredictable <= UNPREDICTABLE_DIGITS_MAX:
        raise ValueError(
            f"punatc_track2: 1 to {UNPREDICTABLE_DIGITS_MAX} digits beside natc_track2's"
        )


def _check_voucher_key(known: IssuerKeysSet | None, event: IssuerKeysSet) -> None:
    """Refuse to digest PINs in another way: those of vouchers that are out could not be found."""
    if event.voucher and not event.voucher_label:
        raise ValueError(f"programme {event.programme}: digests of vouchers' PINs need a label")
    if known is None or not known.voucher:
        return
    before = (known.voucher_key, known.voucher_label)
    if (event.voucher_key, event.voucher_label) != before:
        raise ValueError(
            f"programme {event.programme}: its vouchers have digests under key {before[0]} and "
            f"label {before[1]}; others need a programme of their own"
        )
