"""Encryption that keeps the form. See `_ff1.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

from hsm_sim._keys cimport AES, Key
from hsm_sim._openssl cimport OPENSSL_cleanse

cdef extern from *:
    # A round's 96 bits, reduced. Cython takes the size of a type from C, not from here.
    ctypedef unsigned long long wide_t "unsigned __int128"

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
HALF_TEXTS_MAX = 2**64 - 1           # a modulus, too, must fit
VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


cdef uint64_t number_of(const uint8_t *digits, int count, int radix) noexcept:
    cdef uint64_t number = 0
    cdef int i
    for i in range(count):
        number = number * radix + digits[i]
    return number


cdef void write_number(uint64_t number, uint8_t *digits, int count, int radix) noexcept:
    cdef int i
    for i in range(count - 1, -1, -1):
        digits[i] = number % radix
        number //= radix


cdef object texts_of(int count, object radix):
    """How many texts of so many digits there are: a Python number, which has no bounds."""
    return radix ** count


cdef int rounds(Key key, bytes tweak, uint8_t *digits, int count, int radix,
                bint encrypts) except -1:
    """Names are the standard's: u and v digits, b bytes of a number, d of a round's result."""
    cdef int u = count // 2
    cdef int v = count - u
    cdef int b = ((texts_of(v, radix) - 1).bit_length() + 7) // 8
    cdef int d = 4 * ((b + 3) // 4) + 4
    cdef int tweak_bytes = len(tweak)
    cdef int rest_bytes = (tweak_bytes + b + 1 + 15) // 16 * 16
    cdef uint8_t[16] first
    cdef uint8_t[16] chain
    cdef uint8_t[TWEAK_BYTES_MAX + 32] rest
    cdef uint64_t a, other, kept, modulus, modulus_u, modulus_v
    cdef wide_t y
    cdef int i, at, turn
    memset(rest, 0, sizeof(rest))
    memcpy(rest, PyBytes_AS_STRING(tweak), tweak_bytes)
    memcpy(first, b"\x01\x02\x01", 3)
    first[3] = first[4] = 0
    first[5] = radix
    first[6] = ROUNDS
    first[7] = u & 0xff
    for i in range(4):
        first[8 + i] = (count >> (24 - 8 * i)) & 0xff
        first[12 + i] = (tweak_bytes >> (24 - 8 * i)) & 0xff
    key.encrypt(first, first, 16)           # the first block is the same in every round
    modulus_u = texts_of(u, radix)
    modulus_v = texts_of(v, radix)
    a = number_of(digits, u, radix)
    other = number_of(digits + u, v, radix)
    for turn in range(ROUNDS):
        i = turn if encrypts else ROUNDS - 1 - turn
        kept = other if encrypts else a
        rest[rest_bytes - b - 1] = i
        for at in range(b):
            rest[rest_bytes - 1 - at] = (kept >> (8 * at)) & 0xff
        memcpy(chain, first, 16)
        for at in range(0, rest_bytes, 16):
            key.encrypt_chained(chain, &rest[at], chain, 16)
        y = 0
        for at in range(d):
            y = y << 8 | chain[at]
        modulus = modulus_u if i % 2 == 0 else modulus_v
        y = y % modulus
        if encrypts:
            kept = <uint64_t> ((<wide_t> a + y) % modulus)
            a = other
            other = kept
        else:
            kept = <uint64_t> ((<wide_t> other + modulus - y) % modulus)
            other = a
            a = kept
    write_number(a, digits, u, radix)
    write_number(other, digits + u, v, radix)
    OPENSSL_cleanse(chain, sizeof(chain))
    OPENSSL_cleanse(rest, sizeof(rest))
    return 0


def through(Key key not None, bytes tweak not None, str text not None, int radix, bint encrypts):
    """Check the text's domain, and move it through all rounds."""
    cdef uint8_t[LENGTH_MAX] digits
    cdef int count = len(text)
    cdef int i
    if key.algorithm != AES:
        raise ValueError("FF1 takes an AES key")
    if not 2 <= radix <= 36 or len(tweak) > TWEAK_BYTES_MAX:
        raise ValueError("no such radix, or a tweak too long")
    if count < 2 or texts_of(count, radix) < DOMAIN_MIN:
        raise ValueError("a text so short could be tried out")
    if count > LENGTH_MAX or texts_of(count - count // 2, radix) > HALF_TEXTS_MAX:
        raise ValueError("a text too long")
    for i in range(count):
        value = VALUES.get(text[i], 36)
        if value >= radix:
            raise ValueError("a character outside the alphabet")
        digits[i] = value
    rounds(key, tweak, digits, count, radix, encrypts)
    made = "".join([ALPHABET[digits[i]] for i in range(count)])
    OPENSSL_cleanse(digits, sizeof(digits))
    return made


def encrypt(Key key not None, bytes tweak not None, str text not None, int radix=10):
    """Encrypt a text into one of the same length and alphabet."""
    return through(key, tweak, text, radix, True)


def decrypt(Key key not None, bytes tweak not None, str text not None, int radix=10):
    """Decrypt a text that `encrypt` made with the same key, tweak and radix."""
    return through(key, tweak, text, radix, False)
