"""Check digits: Luhn for account numbers, Damm for vouchers.

Owns both calculations, over strings of decimal digits. They find typing errors and prove nothing:
anybody can compute them. Damm finds every wrong digit and every swap of neighbours; Luhn misses
the swap of 0 and 9.
"""

# A quasigroup without fixed points under swaps. Source: Damm, 2004, its table of order 10.
DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
# A doubled digit's sum of digits.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn_digit(digits: str) -> str:
    """Give the digit to append. Source: ISO/IEC 7812-1."""
    values = [int(digit) for digit in _checked(digits)]
    total = sum(_DOUBLED[value] for value in values[::-2]) + sum(values[-2::-2])
    return str(-total % 10)


def luhn_valid(digits: str) -> bool:
    """Say whether the last digit is right."""
    return len(digits) > 1 and luhn_digit(digits[:-1]) == _checked(digits)[-1]


def damm_digit(digits: str) -> str:
    """Give the digit to append."""
    interim = "0"
    for digit in _checked(digits):
        interim = DAMM[int(interim)][int(digit)]
    return interim


def damm_valid(digits: str) -> bool:
    """Say whether the last digit is right."""
    return len(digits) > 1 and damm_digit(digits) == "0"


def _checked(digits: str) -> str:
    if not digits.isascii() or not digits.isdigit():
        raise ValueError("not decimal digits")
    return digits
