"""MACs and check values. See `_macs.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset

from hsm_sim._keys cimport AES, BLOCK_BYTES_MAX, HMAC as HMAC_KEY, TDES, Key
from hsm_sim._openssl cimport (
    CRYPTO_memcmp, EVP_MD, EVP_sha1, EVP_sha256, EVP_sha512, HMAC as openssl_hmac, OPENSSL_cleanse,
)

cdef uint8_t[BLOCK_BYTES_MAX] NOTHING
memset(NOTHING, 0, sizeof(NOTHING))


# --- in C ----------------------------------------------------------------------------------------

cdef int chain_over(Key key, uint8_t *chain, const uint8_t *data, Py_ssize_t bytes) except -1:
    """Move a CBC chain over whole blocks."""
    cdef int block = key.block_bytes()
    cdef Py_ssize_t start
    cdef int i
    if bytes % block != 0:
        raise ValueError("data that does not fill its last block")
    for start in range(0, bytes, block):
        for i in range(block):
            chain[i] ^= data[start + i]
        key.encrypt(chain, chain, block)
    return 0


cdef void doubled(uint8_t *block, int bytes) noexcept:
    """Multiply by x in the field of CMAC's subkeys; no branch on what is in the block."""
    cdef uint8_t carry = block[0] >> 7
    cdef int i
    for i in range(bytes - 1):
        block[i] = <uint8_t> (block[i] << 1) | (block[i + 1] >> 7)
    block[bytes - 1] = <uint8_t> (block[bytes - 1] << 1) ^ (
        <uint8_t> -carry & (0x87 if bytes == 16 else 0x1b))


cdef int cmac_into(Key key, const uint8_t *chain, const uint8_t *data, Py_ssize_t bytes,
                   uint8_t *out) except -1:
    cdef uint8_t subkey[BLOCK_BYTES_MAX]
    cdef uint8_t room[BLOCK_BYTES_MAX]
    cdef int block = key.block_bytes()
    # The last block, whole or not, even of nothing, takes a subkey.
    cdef Py_ssize_t before = (bytes - 1) // block * block if bytes > 0 else 0
    cdef int rest = <int> (bytes - before)
    cdef int i
    memcpy(room, chain, block)
    chain_over(key, room, data, before)
    key.encrypt(NOTHING, subkey, block)
    doubled(subkey, block)
    if rest < block:
        doubled(subkey, block)
        room[rest] ^= 0x80
    for i in range(rest):
        room[i] ^= data[before + i]
    for i in range(block):
        room[i] ^= subkey[i]
    key.encrypt(room, out, block)
    OPENSSL_cleanse(subkey, sizeof(subkey))
    OPENSSL_cleanse(room, sizeof(room))
    return 0


cdef int hmac_into(Key key, int digest_bytes, const uint8_t *data, Py_ssize_t bytes,
                   uint8_t *out) except -1:
    cdef const EVP_MD *digest = NULL
    cdef unsigned int made = 0
    if key.algorithm != HMAC_KEY:
        raise ValueError("not a key of digests")
    if digest_bytes == 20:
        digest = EVP_sha1()
    elif digest_bytes == 32:
        digest = EVP_sha256()
    elif digest_bytes == 64:
        digest = EVP_sha512()
    else:
        raise ValueError(f"no digest of {digest_bytes} bytes")
    if (openssl_hmac(digest, key.secret, key.length, data, bytes, out, &made) == NULL
            or made != <unsigned int> digest_bytes):
        raise OSError("the digest failed")
    return 0


cdef int retail_into(Key key, const uint8_t *chain, const uint8_t *data, Py_ssize_t bytes,
                     uint8_t *out) except -1:
    cdef uint8_t room[BLOCK_BYTES_MAX]
    cdef int i
    if key.algorithm != TDES or key.length < 16:
        raise ValueError("algorithm 3 takes a TDES key of two or three parts")
    if bytes < 8:
        raise ValueError("no block")
    memcpy(room, chain, 8)
    if bytes > 8:
        chain_over(key.first_part(), room, data, bytes - 8)
    for i in range(8):
        room[i] ^= data[bytes - 8 + i]
    # Encrypt with the first part, decrypt with the second, encrypt with the last: TDES itself.
    key.encrypt(room, out, 8)
    OPENSSL_cleanse(room, sizeof(room))
    return 0


# --- in Python -----------------------------------------------------------------------------------

def padded(bytes data not None, int padding, int block=8):
    """Pad to whole blocks as ISO 9797-1 says (methods 1 to 3); 0 leaves the data as it is."""
    # C's remainder is the dividend's: never of a negative number.
    cdef Py_ssize_t rest = block - 1 - (len(data) + block - 1) % block
    if padding == 0:
        return data
    if padding == 1:
        return data + bytes(rest if data else block)
    if padding == 2:
        return data + b"\x80" + bytes(block - 1 - len(data) % block)
    if padding == 3:
        return (8 * len(data)).to_bytes(block, "big") + data + bytes(rest if data else block)
    raise ValueError(f"no padding method {padding}")


cdef bytes begun(Key key, state):
    """Give the chain's start: of a new message, or where its last part ended."""
    if state is None:
        return bytes(key.block_bytes())
    if len(state) != key.block_bytes():
        raise ValueError("a state of another length")
    return bytes(state)


def cbc_mac(Key key not None, bytes data not None, int padding, state=None):
    """MAC of ISO 9797-1 algorithm 1, one block long."""
    cdef bytes whole = padded(data, padding, key.block_bytes())
    if not whole:
        raise ValueError("no block")
    return cbc_state(key, whole, state)


def cbc_state(Key key not None, bytes data not None, state=None):
    """Move the chain of algorithm 1, and of CMAC, over whole blocks of a longer message."""
    cdef uint8_t chain[BLOCK_BYTES_MAX]
    cdef bytes start = begun(key, state)
    memcpy(chain, PyBytes_AS_STRING(start), len(start))
    chain_over(key, chain, <const uint8_t *> PyBytes_AS_STRING(data), len(data))
    return PyBytes_FromStringAndSize(<char *> chain, key.block_bytes())


def retail_mac(Key key not None, bytes data not None, int padding, state=None):
    """MAC of ISO 9797-1 algorithm 3 (ANSI X9.19), 8 bytes."""
    cdef uint8_t made[8]
    cdef bytes start = begun(key, state)
    cdef bytes whole = padded(data, padding)
    if len(whole) % 8 != 0:
        raise ValueError("data that does not fill its last block")
    retail_into(key, <const uint8_t *> PyBytes_AS_STRING(start),
                <const uint8_t *> PyBytes_AS_STRING(whole), len(whole), made)
    return PyBytes_FromStringAndSize(<char *> made, 8)


def retail_state(Key key not None, bytes data not None, state=None):
    """Move the chain of algorithm 3 over whole blocks of a longer message."""
    if key.algorithm != TDES or key.length < 16:
        raise ValueError("algorithm 3 takes a TDES key of two or three parts")
    return cbc_state(key.first_part(), data, state)


def cmac(Key key not None, bytes data not None, state=None):
    """CMAC of NIST SP 800-38B, one block long; `state` is from `cbc_state`."""
    cdef uint8_t made[BLOCK_BYTES_MAX]
    cdef bytes start = begun(key, state)
    cmac_into(key, <const uint8_t *> PyBytes_AS_STRING(start),
              <const uint8_t *> PyBytes_AS_STRING(data), len(data), made)
    return PyBytes_FromStringAndSize(<char *> made, key.block_bytes())


def hmac(Key key not None, bytes data not None, int digest_bytes=32):
    """HMAC of RFC 2104 with SHA-1 (20), SHA-256 (32) or SHA-512 (64)."""
    cdef uint8_t made[DIGEST_BYTES_MAX]
    hmac_into(key, digest_bytes, <const uint8_t *> PyBytes_AS_STRING(data), len(data), made)
    return PyBytes_FromStringAndSize(<char *> made, digest_bytes)


def check_value(Key key not None):
    """Give what tells a key without showing it; callers cut it to 3 bytes, or 5 for AES.

    TDES: the encryption of zeros (8 bytes). AES: the CMAC of a block of zeros (16). HMAC, for which
    no standard of ours says one: HMAC-SHA-256 of nothing (32).
    """
    cdef uint8_t made[DIGEST_BYTES_MAX]
    if key.algorithm == TDES:
        key.encrypt(NOTHING, made, 8)
        return PyBytes_FromStringAndSize(<char *> made, 8)
    if key.algorithm == AES:
        cmac_into(key, NOTHING, NOTHING, 16, made)
        return PyBytes_FromStringAndSize(<char *> made, 16)
    hmac_into(key, 32, NOTHING, 0, made)
    return PyBytes_FromStringAndSize(<char *> made, 32)


def equal(bytes one not None, bytes other not None):
    """Compare in constant time; only a difference of length shows."""
    return len(one) == len(other) and CRYPTO_memcmp(
        PyBytes_AS_STRING(one), PyBytes_AS_STRING(other), len(one)) == 0
