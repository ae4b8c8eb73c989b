"""Characters of numbers, card numbers and moments, and how a host wants them as bytes.

Owns check digits, dates, and the four spellings of an element's text. Knows no message.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from hsm_sim.check_digits import DAMM

cdef uint8_t QUASIGROUP[10][10]
cdef uint8_t EBCDIC[256]
cdef int _row, _place
for _row in range(10):
    for _place in range(10):
        QUASIGROUP[_row][_place] = int(DAMM[_row][_place])
for _place in range(128):
    EBCDIC[_place] = chr(_place).encode("cp500")[0]


cdef char luhn_digit(const char *digits, int count) noexcept nogil:
    """The digit to append. Source: ISO/IEC 7812-1, annex B."""
    cdef int total = 0
    cdef int digit
    cdef int i
    for i in range(count):
        digit = digits[count - 1 - i] - 48
        if i & 1 == 0:
            digit = digit * 2 - (9 if digit > 4 else 0)
        total += digit
    return <char> (48 + (10 - total % 10) % 10)


cdef char damm_digit(const char *digits, int count) noexcept nogil:
    """The digit to append. Source: Damm, 2004, his quasigroup of order 10."""
    cdef int interim = 0
    cdef int i
    for i in range(count):
        interim = QUASIGROUP[interim][digits[i] - 48]
    return <char> (48 + interim)


cdef void write_moment(int64_t second, char *out, char *year_out) noexcept nogil:
    """MMDDhhmmss of a Unix second. Days to a date: the era of 400 years has 146,097 of them."""
    cdef int64_t days = second // 86400 + 719468      # days since 0000-03-01
    cdef int64_t of_day = second % 86400
    cdef int64_t era = days // 146097
    cdef int64_t of_era = days - era * 146097
    cdef int64_t year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef int64_t of_year = of_era - (365 * year + year // 4 - year // 100)
    cdef int64_t month = (5 * of_year + 2) // 153
    write_number(month + 3 if month < 10 else month - 9, 2, out)
    write_number(of_year - (153 * month + 2) // 5 + 1, 2, out + 2)
    write_number(of_day // 3600, 2, out + 4)
    write_number(of_day // 60 % 60, 2, out + 6)
    write_number(of_day % 60, 2, out + 8)
    if year_out != NULL:
        write_number((era * 400 + year + (1 if month >= 10 else 0)) % 100, 2, year_out)


cdef inline int nibble_of(char character) noexcept nogil:
    if character >= c'A':
        return (character - c'A' + 10) & 15
    return 13 if character == c'=' else (character - c'0') & 15


cdef void spell(int spelling, const char *text, int count, uint8_t *out) noexcept nogil:
    """Write an element's text as the bytes of a body."""
    cdef int i = 0
    if spelling == SPELLED_ASCII:
        memcpy(out, text, count)
    elif spelling == SPELLED_EBCDIC:
        for i in range(count):
            out[i] = EBCDIC[<uint8_t> text[i]]
    else:
        if count & 1 and spelling == SPELLED_PACKED_LEFT:
            out[0] = <uint8_t> nibble_of(text[0])
            out += 1
            i = 1
        while i + 1 < count:
            out[0] = <uint8_t> (nibble_of(text[i]) << 4 | nibble_of(text[i + 1]))
            out += 1
            i += 2
        if i < count:
            out[0] = <uint8_t> (nibble_of(text[i]) << 4 | 15)
