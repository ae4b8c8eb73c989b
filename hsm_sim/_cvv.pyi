"""Python face of `_cvv`: card verification values."""

from hsm_sim._keys import Key

def cvv(key: Key, pan: str, expiry: str, service_code: str, length: int = 3) -> str:
    """Give the first digits of the value, 3 of which are the CVV; all there are is 16.

    Takes `expiry` as the four digits that the scheme wants (YYMM for Visa's stripe). ValueError for
    what are no digits, another length, or a key that is no TDES key of 16 bytes.
    """
