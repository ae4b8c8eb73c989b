"""PINs and PIN blocks. See `_pins.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset

cimport cython

from hsm_sim._keys cimport AES, HMAC, Key
from hsm_sim._openssl cimport CRYPTO_memcmp, OPENSSL_cleanse, RAND_priv_bytes

from hsm_sim.errors import ErrorCode, Refused

FORMATS = {
    "ISO-0": ISO_0, "ISO-1": ISO_1, "ISO-2": ISO_2, "ISO-3": ISO_3, "ISO-4": ISO_4,
    "Docutel": DOCUTEL, "Diebold": DIEBOLD, "PLUS": PLUS,
}

cdef enum:
    BLOCK_BYTES = 8
    AES_BLOCK_BYTES = 16
    NIBBLES = 16
    ISO_PLACES = 14                 # behind control and length
    RANDOM_BYTES = 16               # drawn at once: enough for most, whatever is rejected
    # How what follows the PIN is checked, besides a nibble that it must equal.
    ANY_FILLER = 16
    LETTER_FILLER = 17              # A to F


cdef Pin pin_of(const uint8_t *digits, int length):
    """Make a PIN of values that the caller overwrites. The length has been checked."""
    cdef Pin pin = Pin.__new__(Pin)
    memcpy(pin.digits, digits, length)
    pin.length = length
    return pin


cdef int read_account(Account *account, bytes text) except -1:
    """Read an account of 12 digits, or a whole PAN of 13 to 19. Refused: 22."""
    cdef const uint8_t *characters = <const uint8_t *> PyBytes_AS_STRING(text)
    cdef int i
    if not ACCOUNT_DIGITS <= len(text) <= PAN_DIGITS_MAX:
        raise Refused(ErrorCode.ACCOUNT)
    account.count = <int> len(text)
    for i in range(account.count):
        if not c'0' <= characters[i] <= c'9':
            raise Refused(ErrorCode.ACCOUNT)
        account.digits[i] = characters[i] - c'0'
    return 0


cdef int account_start(const Account *account) noexcept:
    return 0 if account.count == ACCOUNT_DIGITS else account.count - ACCOUNT_DIGITS - 1


cdef int random_below(uint8_t *out, int count, int limit) except -1:
    cdef uint8_t drawn[RANDOM_BYTES]
    cdef int i, made = 0
    cdef int bound = 256 - 256 % limit          # a byte from here on would favour the low values
    while made < count:
        if RAND_priv_bytes(drawn, RANDOM_BYTES) != 1:
            raise OSError("no random bytes")
        for i in range(RANDOM_BYTES):
            if made < count and drawn[i] < bound:
                out[made] = drawn[i] % limit
                made += 1
    OPENSSL_cleanse(drawn, sizeof(drawn))
    return 0


@cython.final
cdef class Pin:
    """A PIN of 4 to 12 digits; it shows its length and, but for `revealed`, nothing else."""

    def __dealloc__(self):
        OPENSSL_cleanse(self.digits, sizeof(self.digits))

    def __init__(self):
        raise TypeError("PINs are made by Pin.of, Pin.random or a PIN block")

    def __repr__(self):
        return "Pin(****)"

    def __reduce__(self):
        raise TypeError("PINs do not leave the HSM")

    @staticmethod
    def of(bytes digits not None):
        """Make a PIN of characters. Refused: 24 for its length, 15 for what is no digit."""
        cdef uint8_t room[PIN_DIGITS_MAX]
        cdef const uint8_t *characters = <const uint8_t *> PyBytes_AS_STRING(digits)
        cdef int i, length = <int> len(digits)
        if not PIN_DIGITS_MIN <= length <= PIN_DIGITS_MAX:
            raise Refused(ErrorCode.PIN_LENGTH)
        for i in range(length):
            if not c'0' <= characters[i] <= c'9':
                raise Refused(ErrorCode.INPUT_DATA)
            room[i] = characters[i] - c'0'
        pin = pin_of(room, length)
        OPENSSL_cleanse(room, sizeof(room))
        return pin

    @staticmethod
    def random(int length):
        """Draw a PIN, all as likely. Refused: 24 for its length."""
        cdef uint8_t room[PIN_DIGITS_MAX]
        if not PIN_DIGITS_MIN <= length <= PIN_DIGITS_MAX:
            raise Refused(ErrorCode.PIN_LENGTH)
        random_below(room, length, 10)
        pin = pin_of(room, length)
        OPENSSL_cleanse(room, sizeof(room))
        return pin

    def same_as(self, Pin other not None):
        """Compare in constant time: all twelve places, whatever the lengths."""
        cdef int differ = CRYPTO_memcmp(self.digits, other.digits, PIN_DIGITS_MAX)
        return (differ | (self.length ^ other.length)) == 0

    def revealed(self):
        """Give the digits in the clear: for the few commands that are there to show them."""
        cdef uint8_t room[PIN_DIGITS_MAX]
        cdef int i
        for i in range(self.length):
            room[i] = self.digits[i] + c'0'
        text = PyBytes_FromStringAndSize(<char *> room, self.length)
        OPENSSL_cleanse(room, sizeof(room))
        return text


# --- from a clear block ---------------------------------------------------------------------------


cdef Pin checked_pin(const uint8_t *places, int count, int length, int filler, int wrong,
                     int length_max):
    """Give the first `length` of `count` places as a PIN, if all places are what they should be.

    No branch depends on a place. A length out of bounds is told (24) only when everything else
    fits: what is wrong altogether, as of another account or key, is 20 and tells nothing more.
    """
    cdef uint8_t room[NIBBLES]
    cdef int i, in_pin, letter, bad_filler
    for i in range(count):
        in_pin = (i - length) >> 31             # all ones within the PIN
        letter = (9 - places[i]) >> 31          # all ones for A to F
        if filler == ANY_FILLER:
            bad_filler = 0
        elif filler == LETTER_FILLER:
            bad_filler = ~letter
        else:
            bad_filler = places[i] ^ filler
        wrong |= (in_pin & letter) | (~in_pin & bad_filler)
        room[i] = places[i] & in_pin
    try:
        if wrong != 0:
            raise Refused(ErrorCode.PIN_BLOCK)
        if not PIN_DIGITS_MIN <= length <= length_max:
            raise Refused(ErrorCode.PIN_LENGTH)
        return pin_of(room, length)
    finally:
        OPENSSL_cleanse(room, sizeof(room))


cdef Pin read_nibbles(const uint8_t *nibbles, int format):
    """Read 16 nibbles, the account already taken off."""
    cdef int i, length, filled, wrong
    if format == DIEBOLD:
        length = filled = 0
        for i in range(NIBBLES):
            filled |= nibbles[i] == 15
            length += 1 - filled
        return checked_pin(nibbles, NIBBLES, length, 15, 0, PIN_DIGITS_MAX)
    if format == DOCUTEL:
        wrong = 0
        for i in range(1 + DOCUTEL_DIGITS_MAX, NIBBLES):
            wrong |= (9 - nibbles[i]) >> 31
        return checked_pin(nibbles + 1, DOCUTEL_DIGITS_MAX, nibbles[0], 0, wrong,
                           DOCUTEL_DIGITS_MAX)
    return checked_pin(nibbles + 2, ISO_PLACES, nibbles[1], filler_of(format),
                       nibbles[0] ^ (ISO_0 if format == PLUS else format), PIN_DIGITS_MAX)


cdef int filler_of(int format) noexcept:
    if format == ISO_1:
        return ANY_FILLER
    if format == ISO_3:
        return LETTER_FILLER
    return 10 if format == ISO_4 else 15


# --- to a clear block -----------------------------------------------------------------------------


cdef int write_nibbles(uint8_t *nibbles, Pin pin, int format, const Account *account) except -1:
    """Write 16 nibbles, the account not yet put on."""
    cdef int behind = 2 + pin.length
    if format == DIEBOLD:
        memset(nibbles, 15, NIBBLES)
        memcpy(nibbles, pin.digits, pin.length)
        return 0
    if format == DOCUTEL:
        if pin.length > DOCUTEL_DIGITS_MAX:
            raise Refused(ErrorCode.PIN_LENGTH)
        nibbles[0] = pin.length
        memcpy(nibbles + 1, pin.digits, DOCUTEL_DIGITS_MAX)     # zeros behind the PIN
        memcpy(nibbles + 1 + DOCUTEL_DIGITS_MAX, account.digits,
               NIBBLES - 1 - DOCUTEL_DIGITS_MAX)
        return 0
    nibbles[0] = ISO_0 if format == PLUS else format
    nibbles[1] = pin.length
    memcpy(nibbles + 2, pin.digits, pin.length)
    if format == ISO_1:
        random_below(nibbles + behind, NIBBLES - behind, 16)
    elif format == ISO_3:
        random_below(nibbles + behind, NIBBLES - behind, 6)
        for i in range(behind, NIBBLES):
            nibbles[i] += 10
    else:
        memset(nibbles + behind, filler_of(format), NIBBLES - behind)
    return 0


cdef void mix_account(uint8_t *nibbles, int format, const Account *account) noexcept:
    """XOR the account on, or off: nothing for formats without one."""
    cdef int i, start
    if format == ISO_0 or format == ISO_3 or format == PLUS:
        start = 0 if format == PLUS else account_start(account)
        for i in range(ACCOUNT_DIGITS):
            nibbles[4 + i] ^= account.digits[start + i]


cdef void mix_pan(uint8_t *block, const Account *account) noexcept:
    """XOR the PAN field of ISO-4 on: digits beyond 12, the digits, zeros."""
    cdef int i
    block[0] ^= <uint8_t> ((account.count - ACCOUNT_DIGITS) << 4)
    for i in range(account.count):
        block[(i + 1) // 2] ^= account.digits[i] << (0 if i % 2 == 0 else 4)


cdef void spread(const uint8_t *block, uint8_t *nibbles) noexcept:
    cdef int i
    for i in range(BLOCK_BYTES):
        nibbles[2 * i] = block[i] >> 4
        nibbles[2 * i + 1] = block[i] & 15


cdef void pack(const uint8_t *nibbles, uint8_t *block) noexcept:
    cdef int i
    for i in range(BLOCK_BYTES):
        block[i] = nibbles[2 * i] << 4 | nibbles[2 * i + 1]


cdef int check_format(Key key, int format) except -1:
    """Refuse a format that there isn't, and one that goes with another kind of key: 23."""
    # <int>: C compares with the enum's constants unsigned.
    if (not 0 <= format <= <int> PLUS or key.algorithm == HMAC
            or (key.algorithm == AES) != (format == ISO_4)):
        raise Refused(ErrorCode.PIN_BLOCK_FORMAT)
    return 0


def open_block(Key key not None, bytes block not None, int block_format, bytes account not None):
    """Open a PIN block. Refused: 20, 24 what is in it; 15 its width; 22, 23 account, format."""
    cdef Account digits
    cdef uint8_t room[AES_BLOCK_BYTES]
    cdef uint8_t nibbles[NIBBLES]
    check_format(key, block_format)
    read_account(&digits, account)
    if len(block) != key.block_bytes():
        raise Refused(ErrorCode.INPUT_DATA)
    try:
        key.decrypt(<const uint8_t *> PyBytes_AS_STRING(block), room, key.block_bytes())
        if block_format == ISO_4:
            mix_pan(room, &digits)
            key.decrypt(room, room, AES_BLOCK_BYTES)
        spread(room, nibbles)
        mix_account(nibbles, block_format, &digits)
        return read_nibbles(nibbles, block_format)
    finally:
        OPENSSL_cleanse(room, sizeof(room))
        OPENSSL_cleanse(nibbles, sizeof(nibbles))


def seal_block(Key key not None, Pin pin not None, int block_format, bytes account not None):
    """Seal a PIN. Refused: 24 when the format has no room for it; 22, 23 account, format."""
    cdef Account digits
    cdef uint8_t room[AES_BLOCK_BYTES]
    cdef uint8_t nibbles[NIBBLES]
    check_format(key, block_format)
    read_account(&digits, account)
    try:
        write_nibbles(nibbles, pin, block_format, &digits)
        mix_account(nibbles, block_format, &digits)
        pack(nibbles, room)
        if block_format == ISO_4:
            if RAND_priv_bytes(room + BLOCK_BYTES, BLOCK_BYTES) != 1:
                raise OSError("no random bytes")
            key.encrypt(room, room, AES_BLOCK_BYTES)
            mix_pan(room, &digits)
        key.encrypt(room, room, key.block_bytes())
        return PyBytes_FromStringAndSize(<char *> room, key.block_bytes())
    finally:
        OPENSSL_cleanse(room, sizeof(room))
        OPENSSL_cleanse(nibbles, sizeof(nibbles))
