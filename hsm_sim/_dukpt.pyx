"""Keys of one transaction. See `_dukpt.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

from hsm_sim._keys cimport AES, HMAC, TDES, Key, key_of
from hsm_sim._openssl cimport (
    EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_new, EVP_CIPHER_CTX_set_padding, EVP_CipherInit_ex,
    EVP_CipherUpdate, EVP_aes_128_ecb, EVP_aes_192_ecb, EVP_aes_256_ecb, EVP_des_ede3_ecb,
    OPENSSL_cleanse,
)

# X9.24-1 annex A: what a transaction key, and in a walk the current key, is XORed with.
cdef enum:
    WALK = 0xc0             # over the first four bytes of each half
    PIN_BYTE = 7            # of each half, XOR FF
    MAC_REQUEST_BYTE = 6
    MAC_RESPONSE_BYTE = 4
    DATA_REQUEST_BYTE = 5
    DATA_RESPONSE_BYTE = 3

# Algorithm indicators of X9.24-3, by algorithm and length in bytes.
INDICATORS = {
    (TDES, 16): 0, (TDES, 24): 1, (AES, 16): 2, (AES, 24): 3, (AES, 32): 4,
    (HMAC, 16): 5, (HMAC, 24): 5, (HMAC, 32): 5,
}
# Strength in bits, as NIST SP 800-57 counts it: a derived key may not be stronger than its source.
STRENGTHS = {(TDES, 16): 80, (TDES, 24): 112}
# Of working keys; a terminal generates where the host verifies, and the other way round.
USAGES = {
    "key encryption": 0x0002, "pin": 0x1000,
    "mac generation": 0x2000, "mac verification": 0x2001, "mac": 0x2002,
    "data encryption": 0x3000, "data decryption": 0x3001, "data": 0x3002,
}


cdef EVP_CIPHER_CTX *kept(const EVP_CIPHER *cipher) except NULL:
    """Make a context that is keyed anew for each step: it costs a tenth of a new one.

    One of a kind for the process is enough: a walk holds the interpreter's lock to its end.
    """
    cdef uint8_t nothing[32]
    cdef EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new()
    memset(nothing, 0, sizeof(nothing))
    if made == NULL or EVP_CipherInit_ex(made, cipher, NULL, nothing, NULL, 1) != 1:
        raise OSError("the cipher is not available")
    EVP_CIPHER_CTX_set_padding(made, 0)
    return made


cdef EVP_CIPHER_CTX *TDES_STEP = kept(EVP_des_ede3_ecb())
cdef EVP_CIPHER_CTX *AES_128_STEP = kept(EVP_aes_128_ecb())
cdef EVP_CIPHER_CTX *AES_192_STEP = kept(EVP_aes_192_ecb())
cdef EVP_CIPHER_CTX *AES_256_STEP = kept(EVP_aes_256_ecb())


cdef int rekey(EVP_CIPHER_CTX *context, const uint8_t *key) except -1:
    if EVP_CipherInit_ex(context, NULL, NULL, key, NULL, 1) != 1:
        raise OSError("the cipher failed")
    return 0


cdef int step(EVP_CIPHER_CTX *context, const uint8_t *data, uint8_t *out, int bytes) except -1:
    cdef int made = 0
    if EVP_CipherUpdate(context, out, &made, data, bytes) != 1 or made != bytes:
        raise OSError("the cipher failed")
    return 0


cdef int forget(EVP_CIPHER_CTX *context) except -1:
    """Overwrite the key schedule of the last step."""
    cdef uint8_t nothing[32]
    memset(nothing, 0, sizeof(nothing))
    return rekey(context, nothing)


# --- TDES ----------------------------------------------------------------------------------------

cdef uint32_t tdes_counter(bytes ksn) except? 0xffffffff:
    """Give the counter of a serial number that a transaction may use."""
    cdef const uint8_t *at = <const uint8_t *> PyBytes_AS_STRING(ksn)
    if len(ksn) != TDES_KSN_BYTES:
        raise ValueError("a key serial number has 10 bytes")
    cdef uint32_t counter = (<uint32_t> at[7] << 16 | at[8] << 8 | at[9]) & TDES_COUNTER_MASK
    if counter == 0:
        raise ValueError("the counter of the initial key is no transaction's")
    if (<object> counter).bit_count() > TDES_ONES_MAX:
        raise ValueError("the counter has more ones than a terminal may use")
    return counter


cdef Key tdes_initial(Key bdk, const uint8_t *ksn):
    cdef uint8_t base[8]
    cdef uint8_t room[16]
    cdef Key masked
    if bdk.algorithm != TDES or bdk.length != 16:
        raise ValueError("a base key of TDES has 16 bytes")
    memcpy(base, ksn, 8)
    base[7] &= 0xe0                 # without the counter, which begins in this byte
    bdk.encrypt(base, room, 8)
    masked = bdk.masked(b"\xc0\xc0\xc0\xc0\x00\x00\x00\x00" * 2)
    masked.encrypt(base, room + 8, 8)
    made = key_of(TDES, room, 16)
    OPENSSL_cleanse(room, sizeof(room))
    return made


cdef int irreversible(const uint8_t *key, const uint8_t *register_, uint8_t *out) except -1:
    """Encrypt the register with the left half, between two XORs of the right half."""
    cdef uint8_t thrice[24]         # single DES as TDES: DES alone needs the legacy provider
    cdef int i
    memcpy(thrice, key, 8)
    memcpy(thrice + 8, key, 8)
    memcpy(thrice + 16, key, 8)
    for i in range(8):
        out[i] = register_[i] ^ key[8 + i]
    rekey(TDES_STEP, thrice)
    step(TDES_STEP, out, out, 8)
    for i in range(8):
        out[i] ^= key[8 + i]
    OPENSSL_cleanse(thrice, sizeof(thrice))
    return 0


cdef int tdes_walk(Key initial, const uint8_t *ksn, uint8_t *room) except -1:
    """Write the 16 bytes of the transaction key."""
    cdef uint8_t next_key[16]
    cdef uint8_t current[8]
    cdef uint32_t counter = (<uint32_t> ksn[7] << 16 | ksn[8] << 8 | ksn[9]) & TDES_COUNTER_MASK
    cdef uint32_t bit = (TDES_COUNTER_MASK + 1) >> 1
    cdef int i
    if initial.algorithm != TDES or initial.length != 16:
        raise ValueError("an initial key of TDES has 16 bytes")
    memcpy(room, initial.secret, 16)
    memcpy(current, ksn + 2, 8)
    current[5] &= 0xe0
    current[6] = current[7] = 0
    while bit != 0:
        if counter & bit:
            current[5] |= bit >> 16
            current[6] |= (bit >> 8) & 0xff
            current[7] |= bit & 0xff
            irreversible(room, current, next_key + 8)
            for i in range(4):
                room[i] ^= WALK
                room[8 + i] ^= WALK
            irreversible(room, current, next_key)
            memcpy(room, next_key, 16)
        bit >>= 1
    OPENSSL_cleanse(next_key, sizeof(next_key))
    return forget(TDES_STEP)


cdef Key tdes_variant(Key base, bytes ksn, bint initial, int masked_byte, bint one_way):
    cdef uint8_t room[16]
    cdef uint8_t once_more[16]
    cdef Key made
    tdes_counter(ksn)
    cdef const uint8_t *at = <const uint8_t *> PyBytes_AS_STRING(ksn)
    try:
        tdes_walk(base if initial else tdes_initial(base, at), at, room)
        if masked_byte >= 0:
            room[masked_byte] ^= 0xff
            room[8 + masked_byte] ^= 0xff
        made = key_of(TDES, room, 16)
        if one_way:
            made.encrypt(room, once_more, 16)
            made = key_of(TDES, once_more, 16)
    finally:
        OPENSSL_cleanse(room, sizeof(room))
        OPENSSL_cleanse(once_more, sizeof(once_more))
    return made


def tdes_initial_key(Key bdk not None, bytes ksn not None):
    """Derive the key that a terminal is loaded with; the serial number's counter is ignored."""
    if len(ksn) != TDES_KSN_BYTES:
        raise ValueError("a key serial number has 10 bytes")
    return tdes_initial(bdk, <const uint8_t *> PyBytes_AS_STRING(ksn))


def tdes_transaction_key(Key base not None, bytes ksn not None, *, bint initial=False):
    """Derive the key that a transaction's other keys are variants of."""
    return tdes_variant(base, ksn, initial, -1, False)


def tdes_pin_key(Key base not None, bytes ksn not None, *, bint initial=False):
    """Derive the key of a transaction's PIN block."""
    return tdes_variant(base, ksn, initial, PIN_BYTE, False)


def tdes_mac_key(Key base not None, bytes ksn not None, bint response=False, *,
                 bint initial=False):
    """Derive the MAC key of a request, or of its response."""
    return tdes_variant(base, ksn, initial,
                        MAC_RESPONSE_BYTE if response else MAC_REQUEST_BYTE, False)


def tdes_data_key(Key base not None, bytes ksn not None, bint response=False, *,
                  bint initial=False):
    """Derive the data key of a request, or of its response: the variant, encrypted by itself."""
    return tdes_variant(base, ksn, initial,
                        DATA_RESPONSE_BYTE if response else DATA_REQUEST_BYTE, True)


# --- AES -----------------------------------------------------------------------------------------

cdef EVP_CIPHER_CTX *aes_step(Key base) except NULL:
    if base.algorithm != AES:
        raise ValueError("a base key of AES")
    return (AES_128_STEP if base.length == 16 else
            AES_192_STEP if base.length == 24 else AES_256_STEP)


cdef int aes_derive(EVP_CIPHER_CTX *context, const uint8_t *key, uint32_t usage, uint32_t algorithm,
                    int length, const uint8_t *id_or_counter, uint8_t *out) except -1:
    """Write a derived key; `out` may be `key`. Source: X9.24-3 section 6.3."""
    cdef uint8_t room[32]
    cdef uint8_t[16] data
    cdef int start
    data[0] = 1                     # version
    data[2] = usage >> 8
    data[3] = usage & 0xff
    data[4] = algorithm >> 8
    data[5] = algorithm & 0xff
    data[6] = (8 * length) >> 8
    data[7] = (8 * length) & 0xff
    memcpy(&data[8], id_or_counter, 8)
    rekey(context, key)
    for start in range(0, length, 16):
        data[1] = start // 16 + 1
        step(context, &data[0], room + start, 16)
    memcpy(out, room, length)
    OPENSSL_cleanse(room, sizeof(room))
    return 0


cdef int aes_walk(Key initial, const uint8_t *ksn, uint8_t *room) except -1:
    """Write the transaction key, as long as the initial key."""
    cdef EVP_CIPHER_CTX *context = aes_step(initial)
    cdef uint32_t counter = (<uint32_t> ksn[8] << 24 | <uint32_t> ksn[9] << 16 |
                             <uint32_t> ksn[10] << 8 | ksn[11])
    cdef uint32_t indicator = INDICATORS[AES, initial.length]
    cdef uint32_t bit = 0x80000000
    cdef uint8_t[8] place
    memcpy(&place[0], ksn + 4, 4)   # the right half of the initial key's identifier
    memset(&place[4], 0, 4)
    memcpy(room, initial.secret, initial.length)
    while bit != 0:
        if counter & bit:
            place[4] |= bit >> 24
            place[5] |= (bit >> 16) & 0xff
            place[6] |= (bit >> 8) & 0xff
            place[7] |= bit & 0xff
            aes_derive(context, room, DERIVATION, indicator, initial.length, &place[0], room)
        bit >>= 1
    return forget(context)


cdef Key aes_start(Key base, bytes ksn, bint initial):
    """Check the serial number, and give the initial key."""
    if len(ksn) != AES_KSN_BYTES:
        raise ValueError("a key serial number of AES has 12 bytes")
    counter = int.from_bytes(ksn[AES_ID_BYTES:], "big")
    if counter == 0:
        raise ValueError("the counter of the initial key is no transaction's")
    if counter.bit_count() > AES_ONES_MAX:
        raise ValueError("the counter has more ones than a terminal may use")
    return base if initial else aes_initial_key(base, ksn[:AES_ID_BYTES])


def aes_initial_key(Key bdk not None, bytes ikid not None):
    """Derive the key that a terminal is loaded with, by the 8 bytes of its identifier."""
    cdef uint8_t room[32]
    if len(ikid) != AES_ID_BYTES:
        raise ValueError("the identifier of an initial key has 8 bytes")
    cdef EVP_CIPHER_CTX *context = aes_step(bdk)
    aes_derive(context, bdk.secret, DERIVATION_INITIAL, INDICATORS[AES, bdk.length], bdk.length,
               <const uint8_t *> PyBytes_AS_STRING(ikid), room)
    forget(context)
    made = key_of(AES, room, bdk.length)
    OPENSSL_cleanse(room, sizeof(room))
    return made


def aes_transaction_key(Key base not None, bytes ksn not None, *, bint initial=False):
    """Derive the key that a transaction's working keys are derived from."""
    cdef uint8_t room[32]
    cdef Key start = aes_start(base, ksn, initial)
    aes_walk(start, <const uint8_t *> PyBytes_AS_STRING(ksn), room)
    made = key_of(AES, room, start.length)
    OPENSSL_cleanse(room, sizeof(room))
    return made


def aes_working_key(Key base not None, bytes ksn not None, str usage not None,
                    int algorithm=AES, int length=16, *, bint initial=False):
    """Derive a transaction's key for one use; it may not be stronger than the base key."""
    cdef uint8_t room[32]
    cdef uint8_t made_room[32]
    cdef Key start
    cdef EVP_CIPHER_CTX *context
    if (algorithm, length) not in INDICATORS or usage not in USAGES:
        raise ValueError("no such key is derived")
    if STRENGTHS.get((algorithm, length), 8 * length) > 8 * base.length:
        raise ValueError("a key stronger than the one it is derived from")
    cdef uint32_t indicator = INDICATORS[algorithm, length]
    cdef uint32_t usage_code = USAGES[usage]
    start = aes_start(base, ksn, initial)
    cdef const uint8_t *at = <const uint8_t *> PyBytes_AS_STRING(ksn)
    aes_walk(start, at, room)
    context = aes_step(start)
    aes_derive(context, room, usage_code, indicator, length, at + 4, made_room)
    forget(context)
    made = key_of(algorithm, made_room, length)
    OPENSSL_cleanse(room, sizeof(room))
    OPENSSL_cleanse(made_room, sizeof(made_room))
    return made
