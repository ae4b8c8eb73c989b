"""Keys and their ciphers. See `_keys.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.errno cimport EINTR, errno
from libc.string cimport memcpy
from posix.unistd cimport read, write

cimport cython

from hsm_sim._openssl cimport (
    CRYPTO_memcmp, EVP_CIPHER, EVP_CIPHER_CTX_free, EVP_CIPHER_CTX_new, EVP_CIPHER_CTX_set_padding,
    EVP_CipherInit_ex, EVP_CipherUpdate, EVP_aes_128_ecb, EVP_aes_192_ecb, EVP_aes_256_ecb,
    EVP_des_ede3_ecb, OPENSSL_cleanse, RAND_priv_bytes,
)

LENGTHS = {TDES: (8, 16, 24), AES: (16, 24, 32), HMAC: tuple(range(16, 33))}


cdef Key key_of(int algorithm, const uint8_t *secret, int length):
    """Make a key of bytes that the caller overwrites."""
    if length not in LENGTHS[algorithm]:
        raise ValueError(f"a key of {length} bytes")
    cdef Key key = Key.__new__(Key)
    key.algorithm = algorithm
    key.length = length
    memcpy(key.secret, secret, length)
    return key


cdef int odd(uint8_t byte) noexcept:
    """Give the byte with its lowest bit set so that the number of ones is odd."""
    cdef uint8_t folded = byte ^ (byte >> 4)
    folded ^= folded >> 2
    folded ^= folded >> 1
    return byte if folded & 1 else byte ^ 1


@cython.final
cdef class Key:
    """A secret key; it shows its check value and never its bytes."""

    def __cinit__(self):
        self.encrypting = self.decrypting = NULL

    def __dealloc__(self):
        OPENSSL_cleanse(self.secret, sizeof(self.secret))
        EVP_CIPHER_CTX_free(self.encrypting)        # overwrites its key schedule
        EVP_CIPHER_CTX_free(self.decrypting)

    def __init__(self):
        raise TypeError("keys are made by Key.random, Key.of or a wrapping key")

    def __repr__(self):
        return f"Key({'TDES AES HMAC'.split()[self.algorithm]}, {self.length} bytes)"

    def __reduce__(self):
        raise TypeError("keys do not leave the HSM")

    @staticmethod
    def of(int algorithm, bytes secret not None):
        """Make a key of clear bytes: components, test keys. Raises ValueError for its length."""
        return key_of(algorithm, <const uint8_t *> PyBytes_AS_STRING(secret), len(secret))

    @staticmethod
    def random(int algorithm, int length):
        """Make a new key; a TDES key has odd parity and different parts."""
        cdef uint8_t room[KEY_BYTES_MAX]
        cdef Key key
        cdef int i
        if length not in LENGTHS[algorithm]:
            raise ValueError(f"a key of {length} bytes")
        while True:
            if RAND_priv_bytes(room, length) != 1:
                raise OSError("no random bytes")
            if algorithm == TDES:
                for i in range(length):
                    room[i] = odd(room[i])
            key = key_of(algorithm, room, length)
            OPENSSL_cleanse(room, sizeof(room))
            if not key.repeats():
                return key

    @staticmethod
    def read_from(int descriptor, int algorithm, int length):
        """Read the clear bytes of a key from a file. Raises EOFError when it has not as many."""
        cdef uint8_t room[KEY_BYTES_MAX]
        cdef Py_ssize_t count, made = 0
        if length not in LENGTHS[algorithm]:
            raise ValueError(f"a key of {length} bytes")
        try:
            while made < length:
                count = read(descriptor, room + made, length - made)
                if count < 0 and errno == EINTR:
                    continue
                if count < 0:
                    raise OSError(errno, "read")
                if count == 0:
                    raise EOFError("a key that ends early")
                made += count
            return key_of(algorithm, room, length)
        finally:
            OPENSSL_cleanse(room, sizeof(room))

    def write_to(self, int descriptor):
        """Write the clear bytes to a file: of a master key, which nothing else could seal."""
        cdef Py_ssize_t count, made = 0
        while made < self.length:
            count = write(descriptor, self.secret + made, self.length - made)
            if count < 0 and errno != EINTR:
                raise OSError(errno, "write")
            made += count if count > 0 else 0

    @staticmethod
    def under(list wrapping not None, bytes cryptogram not None, int algorithm=TDES):
        """Decrypt a key whose block i is under `wrapping[i]` alone (ECB), as variant LMKs do it."""
        cdef uint8_t room[KEY_BYTES_MAX]
        cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(cryptogram)
        cdef Key wrap
        cdef int i, size = 0
        if len(cryptogram) > KEY_BYTES_MAX:
            raise ValueError(f"a key of {len(cryptogram)} bytes")
        for i in range(len(wrapping)):
            wrap = wrapping[i]
            wrap.decrypt(data + size, room + size, wrap.block_bytes())
            size += wrap.block_bytes()
        if size != len(cryptogram):
            raise ValueError("a wrapping key for each block")
        key = key_of(algorithm, room, size)
        OPENSSL_cleanse(room, sizeof(room))
        return key

    def wrapped(self, list wrapping not None):
        """Encrypt this key, block i under `wrapping[i]` alone (ECB)."""
        cdef uint8_t room[KEY_BYTES_MAX]
        cdef Key wrap
        cdef int i, size = 0
        for i in range(len(wrapping)):
            wrap = wrapping[i]
            if size + wrap.block_bytes() > self.length:
                raise ValueError("a wrapping key for each block")
            wrap.encrypt(self.secret + size, room + size, wrap.block_bytes())
            size += wrap.block_bytes()
        if size != self.length:
            raise ValueError("a wrapping key for each block")
        return PyBytes_FromStringAndSize(<char *> room, size)

    def masked(self, bytes mask not None):
        """Give the key XOR `mask`, of the same length: a variant of it."""
        cdef uint8_t room[KEY_BYTES_MAX]
        cdef const uint8_t *bits = <const uint8_t *> PyBytes_AS_STRING(mask)
        cdef int i
        if len(mask) != self.length:
            raise ValueError("a mask of another length")
        for i in range(self.length):
            room[i] = self.secret[i] ^ bits[i]
        key = key_of(self.algorithm, room, self.length)
        OPENSSL_cleanse(room, sizeof(room))
        return key

    def combined(self, Key other not None):
        """Give this key XOR another: components become a key."""
        cdef uint8_t room[KEY_BYTES_MAX]
        cdef int i
        if other.length != self.length or other.algorithm != self.algorithm:
            raise ValueError("components of two lengths")
        for i in range(self.length):
            room[i] = self.secret[i] ^ other.secret[i]
        key = key_of(self.algorithm, room, self.length)
        OPENSSL_cleanse(room, sizeof(room))
        return key

    def part(self, int start, int length):
        """Give a part of a TDES key as a key: a half of a pair."""
        if not 0 <= start <= start + length <= self.length:
            raise ValueError("no such part")
        return key_of(self.algorithm, self.secret + start, length)

    def with_odd_parity(self):
        """Give the key with every byte's parity odd."""
        cdef uint8_t room[KEY_BYTES_MAX]
        cdef int i
        for i in range(self.length):
            room[i] = odd(self.secret[i])
        key = key_of(self.algorithm, room, self.length)
        OPENSSL_cleanse(room, sizeof(room))
        return key

    def has_odd_parity(self):
        """Say whether every byte has odd parity (AES and HMAC keys have none to check)."""
        cdef int i
        cdef bint good = True
        for i in range(self.length):
            good &= odd(self.secret[i]) == self.secret[i]
        return good or self.algorithm != TDES

    def repeats(self):
        """Say whether two neighbouring parts of a TDES key are equal: a shorter key in disguise.

        Parity bits do not count. Parts 1 and 3 of a triple key may be equal.
        """
        cdef int start, i
        cdef uint8_t differ
        if self.algorithm != TDES:
            return False
        for start in range(0, self.length - 8, 8):
            differ = 0
            for i in range(8):
                differ |= (self.secret[start + i] ^ self.secret[start + 8 + i]) & 0xfe
            if differ == 0:
                return True
        return False

    def same_as(self, Key other not None):
        """Compare in constant time."""
        return (self.length == other.length and self.algorithm == other.algorithm
                and CRYPTO_memcmp(self.secret, other.secret, self.length) == 0)

    def encrypt_ecb(self, bytes data not None):
        """Encrypt whole blocks. Raises ValueError for a part of one."""
        out = PyBytes_FromStringAndSize(NULL, len(data))
        self.encrypt(<const uint8_t *> PyBytes_AS_STRING(data),
                     <uint8_t *> PyBytes_AS_STRING(out), <int> len(data))
        return out

    def decrypt_ecb(self, bytes data not None):
        """Decrypt whole blocks: of data. Keys and PINs have their own functions."""
        out = PyBytes_FromStringAndSize(NULL, len(data))
        self.decrypt(<const uint8_t *> PyBytes_AS_STRING(data),
                     <uint8_t *> PyBytes_AS_STRING(out), <int> len(data))
        return out

    def encrypt_cbc(self, bytes vector not None, bytes data not None):
        """Encrypt whole blocks in a chain."""
        return self.chained(vector, data, True)

    def decrypt_cbc(self, bytes vector not None, bytes data not None):
        """Decrypt whole blocks of a chain."""
        return self.chained(vector, data, False)

    def chained(self, bytes vector not None, bytes data not None, bint encrypts):
        """Encrypt or decrypt whole blocks in a chain."""
        cdef uint8_t chain[BLOCK_BYTES_MAX]
        if len(vector) != self.block_bytes():
            raise ValueError("a vector of another length")
        memcpy(chain, PyBytes_AS_STRING(vector), len(vector))
        out = PyBytes_FromStringAndSize(NULL, len(data))
        if encrypts:
            self.encrypt_chained(chain, <const uint8_t *> PyBytes_AS_STRING(data),
                                 <uint8_t *> PyBytes_AS_STRING(out), <int> len(data))
        else:
            self.decrypt_chained(chain, <const uint8_t *> PyBytes_AS_STRING(data),
                                 <uint8_t *> PyBytes_AS_STRING(out), <int> len(data))
        return out

    # --- for the other modules -------------------------------------------------------------------

    cdef Key first_part(self):
        if self.first is None:
            self.first = key_of(self.algorithm, self.secret, 8)
        return self.first

    cdef int block_bytes(self) noexcept:
        return 16 if self.algorithm == AES else 8

    cdef EVP_CIPHER_CTX *context(self, bint encrypts) except NULL:
        cdef EVP_CIPHER_CTX *made = self.encrypting if encrypts else self.decrypting
        cdef const EVP_CIPHER *cipher
        cdef uint8_t room[KEY_BYTES_MAX]
        if made != NULL:
            return made
        memcpy(room, self.secret, self.length)
        if self.algorithm == TDES:
            # Single and double keys as triple ones: DES alone needs the legacy provider.
            cipher = EVP_des_ede3_ecb()
            if self.length == 8:
                memcpy(room + 8, self.secret, 8)
            if self.length < 24:
                memcpy(room + 16, self.secret, 8)
        elif self.algorithm == AES:
            cipher = (EVP_aes_128_ecb() if self.length == 16 else
                      EVP_aes_192_ecb() if self.length == 24 else EVP_aes_256_ecb())
        else:
            raise ValueError("a key that encrypts nothing")
        made = EVP_CIPHER_CTX_new()
        if (made == NULL
                or EVP_CipherInit_ex(made, cipher, NULL, room, NULL, 1 if encrypts else 0) != 1):
            EVP_CIPHER_CTX_free(made)
            OPENSSL_cleanse(room, sizeof(room))
            raise OSError("the cipher is not available")
        EVP_CIPHER_CTX_set_padding(made, 0)
        OPENSSL_cleanse(room, sizeof(room))
        if encrypts:
            self.encrypting = made
        else:
            self.decrypting = made
        return made

    cdef int update(self, bint encrypts, const uint8_t *data, uint8_t *out, int bytes) except -1:
        cdef int made = 0
        cdef EVP_CIPHER_CTX *context = self.context(encrypts)
        if bytes % self.block_bytes() != 0:
            raise ValueError("data that does not fill its last block")
        if EVP_CipherUpdate(context, out, &made, data, bytes) != 1 or made != bytes:
            raise OSError("the cipher failed")
        return 0

    cdef int encrypt(self, const uint8_t *data, uint8_t *out, int bytes) except -1:
        return self.update(True, data, out, bytes)

    cdef int decrypt(self, const uint8_t *data, uint8_t *out, int bytes) except -1:
        return self.update(False, data, out, bytes)

    cdef int encrypt_chained(self, uint8_t *chain, const uint8_t *data, uint8_t *out,
                             int bytes) except -1:
        cdef int size = self.block_bytes()
        cdef int start, i
        if bytes % size != 0:
            raise ValueError("data that does not fill its last block")
        for start in range(0, bytes, size):
            for i in range(size):
                chain[i] ^= data[start + i]
            self.encrypt(chain, chain, size)
            memcpy(out + start, chain, size)
        return 0

    cdef int decrypt_chained(self, uint8_t *chain, const uint8_t *data, uint8_t *out,
                             int bytes) except -1:
        cdef int size = self.block_bytes()
        cdef uint8_t kept[BLOCK_BYTES_MAX]
        cdef int start, i
        if bytes % size != 0:
            raise ValueError("data that does not fill its last block")
        for start in range(0, bytes, size):
            memcpy(kept, data + start, size)
            self.decrypt(kept, out + start, size)
            for i in range(size):
                out[start + i] ^= chain[i]
            memcpy(chain, kept, size)
        return 0
