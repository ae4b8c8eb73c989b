"""What a person may see of a value: the one place that decides it, for repr, describe and errors.

Owns which elements are card data when a spec doesn't say. At most the first six and the last four
digits of a PAN are shown (PCI DSS 3.4.1), of a track only its PAN's, of a PIN nothing.
"""

import re

from switch.iso8583.spec import ElementSpec, Mask

MASK_BY_ELEMENT: dict[int, Mask] = {
    2: "pan",
    34: "pan",
    35: "track",
    36: "track",
    45: "track",
    52: "secret",
    54: "amounts",
    55: "secret",  # as a whole; where a spec takes it apart its tags decide
}

# Without a spec nobody knows what these hold: additional and private data.
UNKNOWN_ELEMENTS = frozenset((46, 47, 48, *range(56, 64), *range(105, 128)))

# Source: EMV 4.3 Book 3, annex A; 9F6B is the track 2 of contactless magnetic-stripe mode.
MASK_BY_BER_TAG: dict[str, Mask] = {
    "56": "track",
    "57": "track",
    "5A": "pan",
    "5F20": "secret",
    "99": "secret",
    "9F0B": "secret",
    "9F1F": "secret",
    "9F20": "secret",
    "9F6B": "track",
}

# Our private TLV (docs/iso8583.md): a card verification value, a voucher's PIN, sealed keys.
MASK_BY_PRIVATE_TAG: dict[str, Mask] = dict.fromkeys(("CV", "VP", "KP", "KM", "KD"), "secret")

HIDDEN = "****"
_AMOUNTS = re.compile(r"(?:[0-9]{7}[CD][0-9]{12})+", re.ASCII)
_PAN_DIGITS_MIN = 12
_DIGIT_RUN = re.compile(r"[0-9]{12,}", re.ASCII)
_PAN_LIKE_MIN = 13
_PAN_LIKE_MAX = 19
_PAN_LIKE = re.compile(rf"[0-9]{{{_PAN_LIKE_MIN},}}", re.ASCII)


def mask_of_element(number: int, element: ElementSpec | None) -> Mask:
    """The spec's word on an element, or what is known of its number."""
    if element is not None and element.mask is not None:
        return element.mask
    if element is None and number in UNKNOWN_ELEMENTS:
        return "secret"
    return MASK_BY_ELEMENT.get(number, "none")


def mask_of_part(number: int, element: ElementSpec | None, tag: str) -> Mask:
    """How a sub-element is shown. A template may hold anything, so it is not shown."""
    nested = element.nested if element is not None else None
    if nested is not None and tag in nested.mask:
        return nested.mask[tag]
    if nested is not None and nested.kind == "parts":
        return "none" if mask_of_element(number, element) == "none" else "secret"
    if number == 55 or (nested is not None and nested.kind == "ber-tlv"):
        return "secret" if is_template(tag) else MASK_BY_BER_TAG.get(tag.upper(), "none")
    return MASK_BY_PRIVATE_TAG.get(tag, "none")


def is_template(tag: str) -> bool:
    """Whether a BER tag, in hex, is constructed: its value is data objects again."""
    return re.fullmatch(r"[0-9A-Fa-f]{2,}", tag) is None or bool(int(tag[:2], 16) & 0x20)


def masked(value: str, mask: Mask) -> str:
    """The value as it may be shown, on one line and without control characters."""
    if mask == "secret":
        return HIDDEN
    if mask == "pan":
        return mask_pan(value)
    if mask == "track":
        return mask_track(value)
    if mask == "amounts" and _AMOUNTS.fullmatch(value):
        return value  # runs of digits that are balances, and would often pass for a PAN
    return printable(_PAN_LIKE.sub(lambda found: _mask_if_pan(found[0]), value))


def mask_pan(pan: str) -> str:
    """First six and last four; nothing of what is too short to be a PAN."""
    digits = printable(pan)
    if len(digits) < _PAN_DIGITS_MIN:
        return HIDDEN
    return f"{digits[:6]}{'*' * (len(digits) - 10)}{digits[-4:]}"


def mask_track(track: str) -> str:
    """The masked PAN of a track; its name, expiry and discretionary data are hidden."""
    pan = _DIGIT_RUN.search(track)
    if pan is None or len(pan[0]) > 19:
        return HIDDEN
    return f"{mask_pan(pan[0])}{HIDDEN}"


def printable(text: str) -> str:
    """The text with what a terminal would act on written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _mask_if_pan(digits: str) -> str:
    """A safety net where no spec says that there may be a PAN: in notes, or in a broken message.

    There a PAN may be glued to other digits, so every stretch of the run is looked at. That also
    hides some numbers that are no PAN, which is the right way to err.
    """
    for start in range(len(digits) - _PAN_LIKE_MIN + 1):
        for end in range(start + _PAN_LIKE_MIN, min(start + _PAN_LIKE_MAX, len(digits)) + 1):
            if digits[start] != "0" and _is_luhn(digits[start:end]):
                return mask_pan(digits)
    return digits


def _is_luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + position % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
