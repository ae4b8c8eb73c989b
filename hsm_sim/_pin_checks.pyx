"""Verification values of PINs. See `_pin_checks.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

from hsm_sim._keys cimport TDES, Key
from hsm_sim._openssl cimport CRYPTO_memcmp, OPENSSL_cleanse
from hsm_sim._pins cimport (
    PIN_DIGITS_MAX, PIN_DIGITS_MIN, Account, Pin, account_start, pin_of, read_account,
)

from hsm_sim.errors import ErrorCode, Refused

cdef enum:
    BLOCK_BYTES = 8
    PAIR_BYTES = 16
    TABLE_DIGITS_MIN = 8            # different ones
    TABLE_REPEATS_MAX = 4


cdef int compute_pvv(uint8_t *out, Key pvk, Pin pin, const Account *account, int index) except -1:
    """Compute four digits, as characters. Refused: 27 for a key that is no pair."""
    cdef uint8_t nibbles[2 * BLOCK_BYTES]
    cdef uint8_t block[BLOCK_BYTES]
    cdef int i, nibble, letters, made = 0
    if pvk.algorithm != TDES or pvk.length != PAIR_BYTES:
        raise Refused(ErrorCode.KEY_LENGTH)
    memcpy(nibbles, account.digits + account_start(account) + 1, PVV_ACCOUNT_DIGITS)
    nibbles[PVV_ACCOUNT_DIGITS] = index
    memcpy(nibbles + PVV_ACCOUNT_DIGITS + 1, pin.digits, PVV_DIGITS)
    for i in range(BLOCK_BYTES):
        block[i] = nibbles[2 * i] << 4 | nibbles[2 * i + 1]
    try:
        pvk.encrypt(block, block, BLOCK_BYTES)
        for letters in range(2):
            for i in range(2 * BLOCK_BYTES):
                nibble = block[i // 2] >> 4 if i % 2 == 0 else block[i // 2] & 15
                if made < PVV_DIGITS and (nibble > 9) == letters:
                    out[made] = c'0' + nibble % 10
                    made += 1
    finally:
        OPENSSL_cleanse(nibbles, sizeof(nibbles))
        OPENSSL_cleanse(block, sizeof(block))
    return 0


def pvv(Key pvk not None, Pin pin not None, bytes account not None, int index):
    """Compute a PIN's PVV. Refused: 27 for a key that is no pair, 22."""
    cdef uint8_t made[PVV_DIGITS]
    cdef Account digits
    read_account(&digits, account)
    compute_pvv(made, pvk, pin, &digits, index)
    return PyBytes_FromStringAndSize(<char *> made, PVV_DIGITS)


def pvv_matches(Key pvk not None, Pin pin not None, bytes account not None, int index,
                bytes wanted not None):
    """Verify a PIN by its PVV, in constant time."""
    cdef uint8_t made[PVV_DIGITS]
    cdef Account digits
    if len(wanted) != PVV_DIGITS:
        raise Refused(ErrorCode.INPUT_DATA)
    read_account(&digits, account)
    compute_pvv(made, pvk, pin, &digits, index)
    differ = CRYPTO_memcmp(made, PyBytes_AS_STRING(wanted), PVV_DIGITS)
    OPENSSL_cleanse(made, sizeof(made))
    return differ == 0


# --- IBM 3624 -------------------------------------------------------------------------------------


cdef int compute_natural(uint8_t *out, Key pvk, bytes validation, bytes table) except -1:
    """Compute 16 digits (values), of which a PIN takes the first. Refused: 27, 15, 25."""
    cdef uint8_t block[BLOCK_BYTES]
    cdef const uint8_t *digits = <const uint8_t *> PyBytes_AS_STRING(table)
    cdef int i, nibble
    if pvk.algorithm != TDES:
        raise Refused(ErrorCode.KEY_LENGTH)
    if len(validation) != BLOCK_BYTES:
        raise Refused(ErrorCode.INPUT_DATA)
    if len(table) != NATURAL_DIGITS or not table.isdigit():
        raise Refused(ErrorCode.DECIMALISATION_TABLE)
    pvk.encrypt(<const uint8_t *> PyBytes_AS_STRING(validation), block, BLOCK_BYTES)
    for i in range(NATURAL_DIGITS):
        nibble = block[i // 2] >> 4 if i % 2 == 0 else block[i // 2] & 15
        out[i] = digits[nibble] - c'0'
    OPENSSL_cleanse(block, sizeof(block))
    return 0


cdef int read_offset(uint8_t *out, bytes offset) except -1:
    """Read the digits of an offset, as many as a PIN may have, into twelve places."""
    cdef const uint8_t *characters = <const uint8_t *> PyBytes_AS_STRING(offset)
    cdef int i, length = <int> len(offset)
    if not PIN_DIGITS_MIN <= length <= PIN_DIGITS_MAX or not offset.isdigit():
        raise Refused(ErrorCode.INPUT_DATA)
    for i in range(PIN_DIGITS_MAX):
        out[i] = characters[i] - c'0' if i < length else 0
    return length


def ibm_offset(Key pvk not None, Pin pin not None, bytes validation not None, bytes table not None):
    """Compute the offset of a PIN: as many digits as it has."""
    cdef uint8_t natural[NATURAL_DIGITS]
    cdef uint8_t made[PIN_DIGITS_MAX]
    cdef int i
    compute_natural(natural, pvk, validation, table)
    for i in range(PIN_DIGITS_MAX):
        made[i] = c'0' + (10 + pin.digits[i] - natural[i]) % 10
    OPENSSL_cleanse(natural, sizeof(natural))
    return PyBytes_FromStringAndSize(<char *> made, pin.length)


def ibm_pin(Key pvk not None, bytes offset not None, bytes validation not None,
            bytes table not None):
    """Derive the PIN that an offset belongs to: as many digits as that has."""
    cdef uint8_t natural[NATURAL_DIGITS]
    cdef uint8_t added[PIN_DIGITS_MAX]
    cdef int i, length = read_offset(added, offset)
    compute_natural(natural, pvk, validation, table)
    for i in range(length):
        natural[i] = (natural[i] + added[i]) % 10
    pin = pin_of(natural, length)
    OPENSSL_cleanse(natural, sizeof(natural))
    return pin


def ibm_matches(Key pvk not None, Pin pin not None, bytes offset not None,
                bytes validation not None, bytes table not None):
    """Verify a PIN by its offset, in constant time. One of another length does not match."""
    cdef uint8_t natural[NATURAL_DIGITS]
    cdef uint8_t added[PIN_DIGITS_MAX]
    cdef int i, differ, length = read_offset(added, offset)
    compute_natural(natural, pvk, validation, table)
    differ = length ^ pin.length
    for i in range(PIN_DIGITS_MAX):
        natural[i] = (natural[i] + added[i]) % 10 if i < length else 0
    differ |= CRYPTO_memcmp(natural, pin.digits, PIN_DIGITS_MAX)
    OPENSSL_cleanse(natural, sizeof(natural))
    return differ == 0


def check_decimalisation_table(bytes table not None):
    """Refuse (25) a table that tells the PIN: by too few different digits, or one too often.

    With a table of ten zeros and ones, verifying twice halves the PINs that are left: the attack of
    Clulow, and of Bond and Zielinski.
    """
    counts = [table.count(digit) for digit in b"0123456789"]
    if (sum(counts) != NATURAL_DIGITS or len(table) != NATURAL_DIGITS
            or max(counts) > TABLE_REPEATS_MAX
            or sum(1 for count in counts if count > 0) < TABLE_DIGITS_MIN):
        raise Refused(ErrorCode.DECIMALISATION_TABLE)
