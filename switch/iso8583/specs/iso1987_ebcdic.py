"""ISO 8583:1987 in EBCDIC (code page 500): what mainframes speak. Bitmaps and b are bytes."""

from switch.iso8583.specs.iso1987 import NESTED, ROWS
from switch.iso8583.specs.tables import text_spec

SPEC = text_spec(ROWS, NESTED, codec="cp500", bitmap="b")
