"""Where on a contactless card's track its dynamic code stands: what could not be.

Owns this one check of an issuer's keys. Must not know a key.
"""

from switch.events import IssuerKeysSet

CODE_DIGITS_MIN, CODE_DIGITS_MAX = 3, 5  # CVC3: of fewer, too many cards would guess right
UNPREDICTABLE_DIGITS_MAX = 8


def wrong_places(event: IssuerKeysSet) -> str:
    """Say which places no track could have, or would prove too little; "" = none."""
    code, numbers = int(event.pcvc3_track2, 16), int(event.punatc_track2, 16)
    unpredictable = numbers.bit_count() - event.natc_track2
    if code & numbers or (code | numbers) & 1:
        return "pcvc3_track2, punatc_track2: each digit has one use, the last its own"
    if not CODE_DIGITS_MIN <= code.bit_count() <= CODE_DIGITS_MAX:
        return f"pcvc3_track2: {CODE_DIGITS_MIN} to {CODE_DIGITS_MAX} digits of a code"
    if not 1 <= unpredictable <= UNPREDICTABLE_DIGITS_MAX:
        return f"punatc_track2: 1 to {UNPREDICTABLE_DIGITS_MAX} digits beside natc_track2's"
    return ""
