"""Reading a reply by the target's rules, and holding it against the request."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from loadtest._script cimport Template
from switch.iso8583._plan cimport Plan, Spec
from switch.iso8583._scan cimport Scan

cdef enum:
    TAGS = 5                # NP, PX, PV, PE, DS or what the target calls them
    CODES_LISTED_MAX = 8

cdef enum:
    TPDU_SWAPPED = 0
    TPDU_SAME = 1
    TPDU_ANY = 2

cdef struct Rules:
    const Plan *plan
    int32_t key_elements[4]
    int32_t key_count
    int32_t code_element        # 0: a reply has none, every one is an approval
    int32_t amount_element
    int32_t told_element        # 0: nothing is told
    int32_t tag_characters
    int32_t length_digits
    char tags[5][4]
    int32_t approved_count
    char approved[8][4]
    int32_t partial_count       # approvals whose amount may be less than what was asked
    char partial[8][4]
    int32_t unavailable_count
    char unavailable[8][4]
    int32_t refused_count       # what garbage must get
    char refused[8][4]
    uint8_t tpdu                # TpduRule

cdef struct Reply:
    Scan scan
    const uint8_t *body
    size_t bytes
    uint64_t key
    char code[4]
    uint8_t approved
    uint8_t partial
    uint8_t unavailable
    int64_t amount
    int64_t told[5]

cdef class ReplyReader:
    cdef Rules rules
    cdef readonly object spec

cdef int reply_read(
    const Rules *rules, const uint8_t *body, size_t bytes, Reply *out) noexcept nogil
cdef void reply_amounts(const Rules *rules, Reply *reply) noexcept nogil
cdef int wrong_echo(
    const Template *template, const Reply *reply, const uint8_t *request) noexcept nogil
cdef uint64_t key_of(const Template *template, const uint8_t *body) noexcept nogil
cdef bint is_listed(const char (*codes)[4], int32_t count, const char *code) noexcept nogil
