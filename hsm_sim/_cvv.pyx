"""Card verification values. See `_cvv.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t

from hsm_sim._keys cimport TDES, Key
from hsm_sim._openssl cimport OPENSSL_cleanse


cdef int decimalise(const uint8_t *block, char *digits) noexcept:
    cdef int made = 0
    cdef int i, nibble
    cdef bint letters
    for letters in range(2):
        for i in range(16):
            nibble = block[i // 2] >> 4 if i % 2 == 0 else block[i // 2] & 0x0f
            if (nibble > 9) == letters:
                digits[made] = <char> (c"0" + (nibble - 10 if letters else nibble))
                made += 1
    return made


def cvv(Key key not None, str pan not None, str expiry not None, str service_code not None,
        int length=3):
    """Give the first digits of the value, 3 of which are the CVV; all there are is 16.

    The account, expiry and service code, with zeros to 32 digits, are two blocks: the first under
    the left half of the key, XOR the second, under both halves.
    """
    cdef uint8_t room[8]
    cdef char[CVV_DIGITS_MAX] digits
    cdef int i
    text = pan + expiry + service_code
    if not (text.isascii() and text.isdigit() and len(pan) <= 19 and len(expiry) == 4
            and len(service_code) == 3 and 1 <= length <= CVV_DIGITS_MAX):
        raise ValueError("no card data")
    if key.algorithm != TDES or key.length != 16:
        raise ValueError("a card verification key is a TDES key of 16 bytes")
    cdef bytes packed = bytes.fromhex(text.ljust(32, "0"))
    cdef const uint8_t *at = <const uint8_t *> PyBytes_AS_STRING(packed)
    cdef Key left = key.part(0, 8)
    left.encrypt(at, room, 8)
    for i in range(8):
        room[i] ^= at[8 + i]
    key.encrypt(room, room, 8)
    decimalise(room, digits)
    OPENSSL_cleanse(room, sizeof(room))
    made = digits[:length].decode("ascii")
    OPENSSL_cleanse(digits, sizeof(digits))
    return made
