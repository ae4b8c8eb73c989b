"""A compiled spec as C structs: what the scan and the writer run, and the class that owns it."""

from libc.stdint cimport int16_t, uint8_t, uint32_t, uint64_t

cdef enum:
    ELEMENT_MAX = 192       # three bitmaps of 64
    CHARSET_MAX = 8         # one for packed nibbles, seven for a spec's codecs: nobody mixes more
    COUNT_MAX = 0xFFFFFF    # of one element: seven length digits are beyond any known dialect
    NESTED_MAX = 64         # sub-elements of one element; bounds the search for duplicates

# How an element's value lies in its bytes.
cdef enum Layout:
    LAYOUT_TEXT = 0         # one byte a character
    LAYOUT_TEXT_HALF = 1    # the same, but its length prefix counts two for each
    LAYOUT_BYTES = 2        # binary; counted in bytes
    LAYOUT_DIGITS = 3       # two digits a byte; counted in digits, an odd count is padded
    LAYOUT_DIGITS_EVEN = 4  # two digits a byte; its length prefix counts bytes
    LAYOUT_SIGNED = 5       # one character of sign, then packed digits: x+n

cdef enum LengthKind:
    LENGTH_FIXED = 0
    LENGTH_TEXT = 1
    LENGTH_BCD = 2
    LENGTH_BINARY = 3

# What a byte may not be part of. A scan ORs these over an element's bytes and tests one bit.
cdef enum Content:
    CONTENT_N = 1           # 0-9
    CONTENT_A = 2           # A-Z a-z
    CONTENT_AN = 4
    CONTENT_ANP = 8         # an and the space
    CONTENT_ANS = 16        # printable ASCII
    CONTENT_Z = 32          # track data: 0-9 : ; < = > ? D
    CONTENT_ANY = 64        # whatever the codec maps to one character and back
    CONTENT_HEX = 128       # 0-9 A-F

cdef enum Side:
    SIDE_NONE = 0
    SIDE_LEFT = 1
    SIDE_RIGHT = 2

cdef enum Nested:
    NESTED_NONE = 0
    NESTED_TLV = 1          # tag and length in characters
    NESTED_BER_TLV = 2

cdef struct Charset:
    uint8_t refused[256]        # byte -> the contents that it may not be part of
    uint8_t to_ascii[256]       # byte -> ASCII character; NOT_ASCII where it is none
    int16_t from_ascii[128]     # ASCII character -> byte; -1 where the codec has none
    uint32_t code_points[256]   # byte -> Unicode
    uint8_t is_ascii            # bytes are their own characters, none above 127

cdef enum:
    NOT_ASCII = 0xFF
    CHARSET_PACKED = 0          # the index of the one where a byte is two digits

cdef struct ElementPlan:
    uint8_t defined
    uint8_t layout              # Layout
    uint8_t length_kind         # LengthKind
    uint8_t length_bytes        # of the prefix
    uint8_t charset             # index into Plan.charsets
    uint8_t length_charset
    uint8_t content             # one Content bit
    uint8_t is_signed           # the first character is C or D: x+n
    uint8_t pad_side            # where an odd digit count gets its nibble
    uint8_t pad_nibble
    uint8_t fill_side           # where a short value of a fixed element is filled
    uint8_t fill_character      # ASCII
    uint8_t nested              # Nested
    uint8_t tag_characters      # NESTED_TLV
    uint8_t length_characters   # NESTED_TLV
    uint32_t length_min         # in the unit of the prefix
    uint32_t length_max
    uint32_t fixed_bytes        # LENGTH_FIXED only
    uint32_t fixed_count

cdef struct Plan:
    ElementPlan header
    ElementPlan elements[193]   # [0] is the MTI
    uint8_t bitmap_charsets[2]  # primary; secondary and tertiary. CHARSET_PACKED: binary
    uint8_t is_bitmap_fixed     # always 128 bits, and bits 1 and 65 are not indicators
    uint8_t charset_count
    Charset charsets[8]

cdef class Spec:
    cdef Plan *plan
    cdef readonly str name
    cdef readonly object header         # ElementSpec or None
    cdef readonly dict elements         # element number -> ElementSpec
    cdef readonly tuple codecs          # Python codec of each charset, "" for the packed one
