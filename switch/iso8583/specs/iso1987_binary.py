"""ISO 8583:1987 as POS terminals send it: packed digits, binary bitmaps, text in ASCII."""

from switch.iso8583.specs.iso1987 import NESTED, ROWS
from switch.iso8583.specs.tables import packed_spec

SPEC = packed_spec(ROWS, NESTED, codec="ascii")
