"""Characters of numbers, card numbers and moments, and how a host wants them as bytes."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    SPELLED_ASCII = 0
    SPELLED_PACKED_LEFT = 1     # an odd count has a 0 on the left
    SPELLED_PACKED_RIGHT = 2    # an odd count has an F on the right
    SPELLED_EBCDIC = 3

cdef enum:                      # how a card number's last digit is made
    CHECKED_LUHN = 0
    CHECKED_DAMM = 1

cdef inline void write_number(int64_t value, int digits, char *out) noexcept nogil:
    cdef int i
    cdef uint64_t rest = <uint64_t> value
    for i in range(digits - 1, -1, -1):
        out[i] = <char> (48 + rest % 10)
        rest //= 10

cdef char luhn_digit(const char *digits, int count) noexcept nogil
cdef char damm_digit(const char *digits, int count) noexcept nogil
cdef void write_moment(int64_t second, char *out, char *year_out) noexcept nogil
cdef void spell(int spelling, const char *text, int count, uint8_t *out) noexcept nogil
