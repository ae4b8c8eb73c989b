"""The C face of the codec, for the fast lane: every name it needs, from where it lives.

There is no `_codec.pyx`: a name cimported from here is the one of the module that defines it.
"""

from switch.iso8583._content cimport (
    FAULT_BITMAP, FAULT_CONTENT, FAULT_LENGTH, FAULT_MTI, FAULT_NESTED, FAULT_NONE, FAULT_ORDER,
    FAULT_PADDING, FAULT_SPACE, FAULT_TRAILING, FAULT_TRUNCATED, FAULT_UNKNOWN_ELEMENT, Fault)
from switch.iso8583._plan cimport ELEMENT_MAX, LAYOUT_BYTES, ElementPlan, Plan, Spec
from switch.iso8583._scan cimport (
    FAULT_AT_BITMAP, FAULT_AT_HEADER, Element, Scan, has, read_digits, read_text, scan,
    unpack_text)
from switch.iso8583._tlv cimport next_ber_tlv, next_tlv
from switch.iso8583._writer cimport (
    Writer, write_begin, write_begin_behind, write_bytes, write_copy, write_digits, write_end,
    write_text)
