"""What is on a stripe and in a chip's image of it.

Owns the layout of the discretionary data, which is ours: PVKI, PVV, verification value, zeros to
the end of the track. The value is CVV on the stripe and iCVV in the chip, so a stripe made of a
chip's data is found out. In stripe mode the chip's track has neither: its code is made anew each
time.
Source: ISO/IEC 7813; LRC as the terminal's stripe reader computes it.
"""

from acquirers.terminal.cards.stripe import TRACK1_FIRST, TRACK2_FIRST, lrc

TRACK2_DIGITS_MAX = 37  # without sentinels and LRC
CVV_DIGITS = 3


def discretionary(pan: str, pvki: int, pvv: str, cvv: str) -> str:
    """Give the discretionary data behind the service code."""
    return f"{pvki}{pvv}{cvv}".ljust(len(discretionary_zeros(len(pan))), "0")


def discretionary_zeros(pan_digits: int) -> str:
    """Give the discretionary data of stripe mode: a terminal puts its digits in."""
    used = pan_digits + 1 + len("YYMM") + len("201")
    return "0" * (TRACK2_DIGITS_MAX - used)


def track1(pan: str, name: str, expiry: str, service_code: str, more: str) -> str:
    """Give track 1, with sentinels and LRC."""
    track = f"%B{pan}^{name}^{expiry}{service_code}{more}?"
    return track + lrc(track, TRACK1_FIRST)


def track2(pan: str, expiry: str, service_code: str, more: str) -> str:
    """Give track 2, with sentinels and LRC."""
    track = f";{pan}={expiry}{service_code}{more}?"
    return track + lrc(track, TRACK2_FIRST)


def chip_track2(pan: str, expiry: str, service_code: str, more: str) -> str:
    """Give the chip's image of track 2 (tag 57), as its digits and separator."""
    return f"{pan}D{expiry}{service_code}{more}"
