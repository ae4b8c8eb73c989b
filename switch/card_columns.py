"""The columns of an event that adds cards, as numbers.

Owns that they are of one length. Must not know a card, nor what becomes of it.
"""

from array import array
from typing import NamedTuple

from switch.events import CardsAdded

TOKEN_BYTES = 16


class CardColumns(NamedTuple):
    """A number for each card; PIN verification values and their keys may be left out."""

    expiries: "array[int]"
    first6: "array[int]"
    last4: "array[int]"
    pvvs: "array[int]"
    pvkis: "array[int]"


def columns_of(event: CardsAdded) -> CardColumns:
    """Read an event's columns. Raises ValueError for such as differ in length."""
    count = len(event.tokens) // TOKEN_BYTES
    sizes = (len(event.tokens), len(event.expiries), len(event.first6), len(event.last4))
    if sizes != (TOKEN_BYTES * count, 2 * count, 4 * count, 2 * count) or count == 0:
        raise ValueError(f"cards whose columns differ in length: {sizes}")
    if (len(event.pvvs), len(event.pvkis)) not in ((0, 0), (2 * count, count)):
        raise ValueError("cards whose PIN verification values differ in number")
    return CardColumns(
        _numbers("H", event.expiries),
        _numbers("I", event.first6),
        _numbers("H", event.last4),
        _numbers("H", event.pvvs),
        _numbers("B", event.pvkis),
    )


def _numbers(code: str, little_endian: bytes) -> "array[int]":
    numbers = array(code)
    numbers.frombytes(little_endian)
    return numbers
