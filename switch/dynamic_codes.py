"""Where a track has the dynamic code of a contactless card: what is wrong with what was said.

Owns the bounds. How the code is read and made is the core's (`_dynamic_codes`).
"""

from switch.events import IssuerKeysSet

CODE_DIGITS_MIN, CODE_DIGITS_MAX = 3, 5  # CVC3: of fewer, too many cards would guess right
UNPREDICTABLE_DIGITS_MAX = 8


def places_fault(event: IssuerKeysSet) -> str:
    """Say why no track could have these places, or would prove too little; "" = nothing."""
    code, numbers = int(event.pcvc3_track2, 16), int(event.punatc_track2, 16)
    unpredictable = numbers.bit_count() - event.natc_track2
    if code & numbers or (code | numbers) & 1:
        return "pcvc3_track2, punatc_track2: each digit has one use, the last its own"
    if not CODE_DIGITS_MIN <= code.bit_count() <= CODE_DIGITS_MAX:
        return f"pcvc3_track2: {CODE_DIGITS_MIN} to {CODE_DIGITS_MAX} digits of a code"
    if not 1 <= unpredictable <= UNPREDICTABLE_DIGITS_MAX:
        return f"punatc_track2: 1 to {UNPREDICTABLE_DIGITS_MAX} digits beside natc_track2's"
    return ""
