"""Wrapping and unwrapping of key blocks. See `_key_blocks.pxd`.

Source: ANSI X9.143 (TR-31). A and C: keys are variants of the protection key, the encrypted key is
authenticated by four bytes of a CBC MAC, the header's first block is the vector. B and D: keys are
derived by CMAC, the clear key is authenticated by a whole CMAC, which is the vector, too.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from hsm_sim._keys cimport AES, BLOCK_BYTES_MAX, TDES, Key, key_of
from hsm_sim._macs cimport cmac_into
from hsm_sim._openssl cimport CRYPTO_memcmp, OPENSSL_cleanse, RAND_bytes

from hsm_sim._keys import LENGTHS
from hsm_sim.errors import ErrorCode, Refused

cdef uint8_t[BLOCK_BYTES_MAX] START     # of a MAC's chain: zeros
memset(START, 0, BLOCK_BYTES_MAX)



cdef Key block_key(Key protection, int version, bint authenticates):
    """Give the key that encrypts a block, or the one that authenticates it."""
    cdef uint8_t request[8]
    cdef uint8_t room[DERIVED_BYTES_MAX + BLOCK_BYTES_MAX]
    cdef int made = 0
    cdef int wanted = AES if version == c"D" else TDES
    if protection.algorithm != wanted or protection.length == 8:
        raise Refused(ErrorCode.KEY_BLOCK_VERSION)
    if version == c"A" or version == c"C":
        return protection.masked((b"M" if authenticates else b"E") * protection.length)
    # Counter, purpose, zero, algorithm and length of the keys to derive.
    memset(request, 0, sizeof(request))
    request[2] = 1 if authenticates else 0
    request[5] = protection.length // 8 - 2 + (2 if protection.algorithm == AES else 0)
    request[7] = protection.length * 8 & 0xff
    request[6] = protection.length * 8 >> 8
    while made < protection.length:
        request[0] += 1
        cmac_into(protection, START, request, sizeof(request), room + made)
        made += protection.block_bytes()
    key = key_of(protection.algorithm, room, protection.length)
    OPENSSL_cleanse(room, sizeof(room))
    return key


cdef int authenticate(Key key, int version, bytes header, const uint8_t *payload, int bytes,
                      uint8_t *out) except -1:
    """Write the authenticator of a header and a payload."""
    cdef uint8_t chain[BLOCK_BYTES_MAX]
    cdef int header_bytes = len(header)
    cdef uint8_t *room = <uint8_t *> malloc(header_bytes + bytes)
    if room == NULL:
        raise MemoryError
    memcpy(room, PyBytes_AS_STRING(header), header_bytes)
    memcpy(room + header_bytes, payload, bytes)
    try:
        if version == c"B" or version == c"D":
            return cmac_into(key, START, room, header_bytes + bytes, out)
        memset(chain, 0, sizeof(chain))
        key.encrypt_chained(chain, room, room, header_bytes + bytes)
        memcpy(out, chain, 4)
    finally:
        OPENSSL_cleanse(room, header_bytes + bytes)
        free(room)
    return 0


cdef int authenticator_bytes(int version) noexcept:
    return 4 if version == c"A" or version == c"C" else 8 if version == c"B" else 16


def wrap(Key protection not None, bytes header not None, Key key not None):
    """Give header, encrypted key and authenticator, as they are on the wire."""
    cdef uint8_t payload[PAYLOAD_BYTES_MAX]
    cdef uint8_t authenticator[AUTHENTICATOR_BYTES_MAX]
    cdef uint8_t chain[BLOCK_BYTES_MAX]
    cdef int version = header[0]
    cdef Key encrypting = block_key(protection, version, False)
    cdef Key authenticating = block_key(protection, version, True)
    cdef int size = protection.block_bytes()
    cdef int bytes = (2 + key.length + size - 1) // size * size
    if len(header) % size != 0 or len(header) < 16:
        raise ValueError("a header that does not fill its last block")
    payload[0], payload[1] = key.length * 8 >> 8, key.length * 8 & 0xff
    memcpy(payload + 2, key.secret, key.length)
    try:
        if RAND_bytes(payload + 2 + key.length, bytes - 2 - key.length) != 1:
            raise OSError("no random bytes")
        if version == c"B" or version == c"D":
            authenticate(authenticating, version, header, payload, bytes, authenticator)
            memcpy(chain, authenticator, size)
            encrypting.encrypt_chained(chain, payload, payload, bytes)
        else:
            memcpy(chain, PyBytes_AS_STRING(header), size)
            encrypting.encrypt_chained(chain, payload, payload, bytes)
            authenticate(authenticating, version, header, payload, bytes, authenticator)
        tail = (PyBytes_FromStringAndSize(<char *> payload, bytes)
                + PyBytes_FromStringAndSize(<char *> authenticator, authenticator_bytes(version)))
    finally:
        OPENSSL_cleanse(payload, sizeof(payload))
    return header + tail.hex().upper().encode("ascii")


def unwrap(Key protection not None, bytes header not None, int algorithm,
           bytes encrypted not None, bytes authenticator not None):
    """Check a block and give its key."""
    cdef uint8_t payload[PAYLOAD_BYTES_MAX]
    cdef uint8_t wanted[AUTHENTICATOR_BYTES_MAX]
    cdef uint8_t chain[BLOCK_BYTES_MAX]
    cdef int version = header[0]
    cdef Key encrypting = block_key(protection, version, False)
    cdef Key authenticating = block_key(protection, version, True)
    cdef int size = protection.block_bytes()
    cdef int bytes = len(encrypted)
    cdef int length
    if (len(header) % size != 0 or bytes % size != 0 or not 0 < bytes <= PAYLOAD_BYTES_MAX
            or len(authenticator) != authenticator_bytes(version)):
        raise Refused(ErrorCode.KEY_BLOCK_CHECK)
    memcpy(payload, PyBytes_AS_STRING(encrypted), bytes)
    try:
        if version == c"B" or version == c"D":
            memcpy(chain, PyBytes_AS_STRING(authenticator), size)
            encrypting.decrypt_chained(chain, payload, payload, bytes)
            authenticate(authenticating, version, header, payload, bytes, wanted)
        else:
            authenticate(authenticating, version, header, payload, bytes, wanted)
            memcpy(chain, PyBytes_AS_STRING(header), size)
            encrypting.decrypt_chained(chain, payload, payload, bytes)
        if CRYPTO_memcmp(wanted, PyBytes_AS_STRING(authenticator), len(authenticator)) != 0:
            raise Refused(ErrorCode.KEY_BLOCK_AUTHENTICATION)
        length = (payload[0] << 8 | payload[1]) // 8
        if payload[1] & 7 or length > bytes - 2 or length not in LENGTHS[algorithm]:
            raise Refused(ErrorCode.KEY_LENGTH)
        return key_of(algorithm, payload + 2, length)
    finally:
        OPENSSL_cleanse(payload, sizeof(payload))


def derive(Key base not None, bytes label not None, int length):
    """Derive an AES key for one purpose (SP 800-108 in counter mode, with CMAC)."""
    cdef uint8_t room[DERIVED_BYTES_MAX + BLOCK_BYTES_MAX]
    cdef int made = 0, counter = 0
    if length not in LENGTHS[AES]:
        raise ValueError(f"a key of {length} bytes")
    while made < length:
        counter += 1
        request = bytes([counter]) + label + b"\0" + (length * 8).to_bytes(2, "big")
        cmac_into(base, START, <const uint8_t *> PyBytes_AS_STRING(request), len(request),
                  room + made)
        made += base.block_bytes()
    key = key_of(AES, room, length)
    OPENSSL_cleanse(room, sizeof(room))
    return key
