"""The PIN blocks of cards: which PIN a card has, sealed under the key that the terminals share.

Owns the rule that makes a PIN of a card's number. The sealing is `hsm_sim`'s. Must not know
messages, nor which host.
"""

import hashlib

from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, Pin, seal_block
from loadtest.target import CardGroup, PinBlocks

ISO_0 = FORMATS["ISO-0"]
ACCOUNT_DIGITS = 12
RULE_BYTES = 8  # of the hash


def pin_of(rule: PinBlocks, number: str) -> bytes:
    """Give the PIN of a card; `number` is without its check digit."""
    if rule.pin:
        return rule.pin.encode("ascii")
    digest = hashlib.sha256(f"{rule.seed}:{number}".encode()).digest()
    drawn = int.from_bytes(digest[:RULE_BYTES], "big")
    return b"%0*d" % (rule.digits, drawn % 10**rule.digits)


def wrong_pin_of(rule: PinBlocks, number: str) -> bytes:
    """Give a PIN that is not the card's: its first digit is one more."""
    right = pin_of(rule, number)
    return b"%d" % ((right[0] - ord("0") + 1) % 10) + right[1:]


def blocks_of(group: CardGroup, rule: PinBlocks, key: Key, *, wrong: bool) -> bytes:
    """Give the block of each card of a group in turn, in ISO 9564 format 0: 16 hex digits each."""
    choose = wrong_pin_of if wrong else pin_of
    width = group.digits - 1 - len(group.prefix)
    blocks = []
    for card in range(group.first, group.first + group.count):
        number = f"{group.prefix}{card:0{width}d}"
        account = number[-ACCOUNT_DIGITS:].encode("ascii")
        blocks.append(seal_block(key, Pin.of(choose(rule, number)), ISO_0, account))
    return b"".join(blocks).hex().upper().encode("ascii")
