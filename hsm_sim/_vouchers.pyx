"""Voucher PINs. See `_vouchers.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

from hsm_sim._documents cimport Document
from hsm_sim._keys cimport BLOCK_BYTES_MAX, Key
from hsm_sim._macs cimport hmac_into
from hsm_sim._openssl cimport OPENSSL_cleanse, RAND_priv_bytes
from hsm_sim._sealing cimport SEAL_BYTES as _SEAL_BYTES, seal, unseal

from hsm_sim.errors import ErrorCode, Refused

PIN_DIGITS = range(PIN_DIGITS_MIN, PIN_DIGITS_MAX + 1)

cdef enum:
    DRAWN_BYTES = 32
    FAIR_BYTES = 250                        # of 256 values: 25 for each digit, six are thrown away

# As in `check_digits`, which cannot have a clear PIN. Source: Damm, 2004, its table of order 10.
cdef uint8_t[100] DAMM = [
    0, 3, 1, 7, 5, 9, 8, 6, 4, 2,
    7, 0, 9, 2, 1, 5, 4, 8, 6, 3,
    4, 2, 0, 6, 8, 7, 1, 3, 5, 9,
    1, 7, 5, 0, 9, 8, 3, 4, 2, 6,
    6, 1, 2, 3, 0, 4, 5, 9, 7, 8,
    3, 6, 7, 4, 2, 0, 9, 5, 8, 1,
    5, 8, 6, 9, 7, 2, 0, 1, 3, 4,
    8, 9, 4, 5, 3, 6, 2, 0, 1, 7,
    9, 4, 3, 8, 6, 1, 7, 2, 0, 5,
    2, 5, 8, 1, 4, 3, 6, 7, 9, 0,
]


cdef int damm(const uint8_t *digits, Py_ssize_t count) noexcept:
    """Check digit of ASCII digits; of digits with their check digit it is 0."""
    cdef int interim = 0
    cdef Py_ssize_t i
    for i in range(count):
        interim = DAMM[10 * interim + digits[i] - c"0"]
    return interim


cdef int check_pin(const uint8_t *pin, Py_ssize_t digits) except -1:
    cdef Py_ssize_t i
    if not PIN_DIGITS_MIN <= digits <= PIN_DIGITS_MAX:
        raise Refused(ErrorCode.PIN_LENGTH)
    for i in range(digits):
        if not c"0" <= pin[i] <= c"9":
            raise Refused(ErrorCode.PIN_BLOCK)
    if damm(pin, digits) != 0:
        raise Refused(ErrorCode.PIN_BLOCK)
    return 0


cdef int draw_pin(uint8_t *pin, int digits) except -1:
    cdef uint8_t drawn[DRAWN_BYTES]
    cdef int made = 0, i
    while made < digits - 1:
        if RAND_priv_bytes(drawn, DRAWN_BYTES) != 1:
            raise OSError("no random bytes")
        for i in range(DRAWN_BYTES):
            if drawn[i] < FAIR_BYTES and made < digits - 1:
                pin[made] = c"0" + drawn[i] % 10
                made += 1
    pin[made] = c"0" + damm(pin, made)
    OPENSSL_cleanse(drawn, sizeof(drawn))
    return 0


cdef bytes digest_of(Key key, bytes label, const uint8_t *pin, int digits):
    cdef uint8_t data[1 + LABEL_BYTES_MAX + PIN_DIGITS_MAX]
    cdef uint8_t made[DIGEST_BYTES]
    cdef int label_bytes = <int> len(label)
    if label_bytes > LABEL_BYTES_MAX:
        raise ValueError("a label of at most 32 bytes")
    data[0] = label_bytes
    memcpy(data + 1, PyBytes_AS_STRING(label), label_bytes)
    memcpy(data + 1 + label_bytes, pin, digits)
    try:
        hmac_into(key, DIGEST_BYTES, data, 1 + label_bytes + digits, made)
    finally:
        OPENSSL_cleanse(data, sizeof(data))
    return PyBytes_FromStringAndSize(<char *> made, DIGEST_BYTES)


def generate(Key digest_key not None, Key sealing_key not None, bytes label not None,
             bytes bound not None, int digits):
    """Make a PIN: its digest, and the PIN sealed."""
    cdef uint8_t pin[PIN_DIGITS_MAX]
    cdef uint8_t sealed[PIN_DIGITS_MAX + _SEAL_BYTES]
    if digits not in PIN_DIGITS:
        raise Refused(ErrorCode.PIN_LENGTH)
    try:
        draw_pin(pin, digits)
        made = digest_of(digest_key, label, pin, digits)
        seal(sealing_key, bound, pin, digits, sealed)
    finally:
        OPENSSL_cleanse(pin, sizeof(pin))
    return made, PyBytes_FromStringAndSize(<char *> sealed, digits + _SEAL_BYTES)


def digest(Key key not None, bytes label not None, bytes pin not None):
    """Digest a PIN that came in clear."""
    cdef const uint8_t *digits = <const uint8_t *> PyBytes_AS_STRING(pin)
    check_pin(digits, len(pin))
    return digest_of(key, label, digits, <int> len(pin))


def digest_encrypted(Key key not None, bytes label not None, Key data_key not None,
                     bytes vector not None, bytes cryptogram not None):
    """Digest a PIN that came encrypted."""
    cdef uint8_t chain[BLOCK_BYTES_MAX]
    cdef uint8_t clear[CRYPTOGRAM_BYTES_MAX]
    cdef int size = data_key.block_bytes()
    cdef int length = <int> len(cryptogram)
    if len(vector) != size or not 0 < length <= CRYPTOGRAM_BYTES_MAX or length % size != 0:
        raise Refused(ErrorCode.INPUT_DATA)
    memcpy(chain, PyBytes_AS_STRING(vector), size)
    try:
        data_key.decrypt_chained(chain, <const uint8_t *> PyBytes_AS_STRING(cryptogram), clear,
                                 length)
        while length > 0 and clear[length - 1] == 0:
            length -= 1
        # Any other filler, and digits that are none, are one refusal: it tells nothing of either.
        if length == 0 or clear[length - 1] != 0x80:
            raise Refused(ErrorCode.PIN_BLOCK)
        check_pin(clear, length - 1)
        return digest_of(key, label, clear, length - 1)
    finally:
        OPENSSL_cleanse(clear, sizeof(clear))


cdef int opened(Key sealing_key, bytes bound, bytes sealed, uint8_t *pin) except -1:
    """Open a sealed PIN; gives its number of digits."""
    if not PIN_DIGITS_MIN <= len(sealed) - _SEAL_BYTES <= PIN_DIGITS_MAX:
        raise Refused(ErrorCode.PIN_UNDER_LMK)
    return unseal(sealing_key, bound, <const uint8_t *> PyBytes_AS_STRING(sealed),
                  <int> len(sealed), pin)


def digest_sealed(Key key not None, bytes label not None, Key sealing_key not None,
                  bytes bound not None, bytes sealed not None):
    """Digest a sealed PIN."""
    cdef uint8_t pin[PIN_DIGITS_MAX]
    cdef int digits = opened(sealing_key, bound, sealed, pin)
    try:
        return digest_of(key, label, pin, digits)
    finally:
        OPENSSL_cleanse(pin, sizeof(pin))


def write_pin(Document document not None, Key sealing_key not None, bytes bound not None,
              bytes sealed not None, bytes before not None, bytes after not None):
    """Write a line with a sealed PIN, in clear, at the end of a document."""
    cdef uint8_t pin[PIN_DIGITS_MAX]
    cdef int digits = opened(sealing_key, bound, sealed, pin)
    try:
        document.write(before)
        document.append(pin, digits)
        document.write(after)
    finally:
        OPENSSL_cleanse(pin, sizeof(pin))
