"""ISO 8583:1987 in ASCII: digits are characters, bitmaps are hex, b elements are bytes."""

from switch.iso8583.specs.iso1987 import NESTED, ROWS
from switch.iso8583.specs.tables import text_spec

SPEC = text_spec(ROWS, NESTED, codec="ascii", bitmap="ascii")
