"""Documents, their envelopes and signatures. See `_documents.pxd`.

The envelope is made by libcrypto out of our memory: a library's builder would want the clear text
as a Python object, of which nobody knows how many copies stay behind.
Source: RFC 5652 (CMS).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cimport cython

from hsm_sim._keys cimport AES, BLOCK_BYTES_MAX, Key
from hsm_sim._macs cimport cmac_into
from hsm_sim._openssl cimport EVP_sha256, OPENSSL_cleanse
from hsm_sim._openssl_documents cimport (
    BIO, BIO_free, BIO_new_mem_buf, CMS_BINARY, CMS_ContentInfo, CMS_ContentInfo_free, CMS_encrypt,
    Certificates, ERR_clear_error, EVP_aes_256_cbc, EVP_DigestSign, EVP_DigestSignInit, EVP_EC_gen,
    EVP_MD_CTX, EVP_MD_CTX_free, EVP_MD_CTX_new, EVP_PKEY, EVP_PKEY_free, OPENSSL_clear_free,
    OPENSSL_free, X509, X509_free, d2i_AutoPrivateKey, d2i_X509,
    i2d_CMS_ContentInfo, i2d_PrivateKey, i2d_PUBKEY, sk_X509_free, sk_X509_new_null, sk_X509_push,
)
from hsm_sim._sealing cimport SEAL_BYTES, seal, unseal

from hsm_sim.errors import ErrorCode, Refused

cdef enum:
    PRIVATE_KEY_BYTES_MAX = 512             # of P-256, in DER: 121
    SIGNATURE_BYTES_MAX = 256               # of P-256, in DER: 72


@cython.final
cdef class Document:
    """A text that holds PINs."""

    def __cinit__(self):
        self.room = NULL

    def __dealloc__(self):
        self.forget()

    def __len__(self):
        return self.used

    def __reduce__(self):
        raise TypeError("documents leave the HSM only enveloped")

    cdef int grow(self, Py_ssize_t wanted) except -1:
        cdef Py_ssize_t reserved = max(self.reserved * 2, wanted, <Py_ssize_t> FIRST_BYTES)
        cdef uint8_t *room
        if wanted > DOCUMENT_BYTES_MAX:
            raise ValueError(f"a document of more than {DOCUMENT_BYTES_MAX} bytes")
        room = <uint8_t *> malloc(reserved)     # realloc would leave the old text behind
        if room == NULL:
            raise MemoryError
        if self.room != NULL:
            memcpy(room, self.room, self.used)
            OPENSSL_cleanse(self.room, self.reserved)
            free(self.room)
        self.room = room
        self.reserved = reserved
        return 0

    cdef int append(self, const uint8_t *data, Py_ssize_t bytes) except -1:
        if self.used + bytes > self.reserved:
            self.grow(self.used + bytes)
        memcpy(self.room + self.used, data, bytes)
        self.used += bytes
        return 0

    def write(self, bytes text not None):
        """Write at the end."""
        self.append(<const uint8_t *> PyBytes_AS_STRING(text), len(text))

    def write_mac(self, Key key not None):
        """Write the CMAC of all before it in hexadecimal digits."""
        cdef uint8_t chain[BLOCK_BYTES_MAX]
        cdef uint8_t mac[BLOCK_BYTES_MAX]
        if key.algorithm != AES:
            raise ValueError("a document's MAC is under an AES key")
        memset(chain, 0, sizeof(chain))
        cmac_into(key, chain, self.room, self.used, mac)
        self.write(mac[:BLOCK_BYTES_MAX].hex().upper().encode("ascii"))

    def enveloped(self, bytes certificate not None):
        """Give the document as CMS EnvelopedData (DER), and forget it."""
        cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(certificate)
        cdef X509 *recipient = d2i_X509(NULL, &data, len(certificate))
        cdef Certificates *recipients = sk_X509_new_null()
        cdef BIO *text = BIO_new_mem_buf(self.room, <int> self.used)
        cdef CMS_ContentInfo *envelope = NULL
        cdef uint8_t *der = NULL
        cdef int length = -1
        if recipient != NULL and recipients != NULL and text != NULL and self.used > 0:
            if sk_X509_push(recipients, recipient) > 0:
                envelope = CMS_encrypt(recipients, text, EVP_aes_256_cbc(), CMS_BINARY)
        if envelope != NULL:
            length = i2d_CMS_ContentInfo(envelope, &der)
        CMS_ContentInfo_free(envelope)
        BIO_free(text)
        sk_X509_free(recipients)
        X509_free(recipient)
        self.forget()
        if length < 0:
            ERR_clear_error()
            raise Refused(ErrorCode.INPUT_DATA)
        try:
            return PyBytes_FromStringAndSize(<char *> der, length)
        finally:
            OPENSSL_free(der)

    def forget(self):
        """Overwrite the document."""
        if self.room != NULL:
            OPENSSL_cleanse(self.room, self.reserved)
            free(self.room)
            self.room = NULL
        self.used = self.reserved = 0


def new_signing_key(Key sealing_key not None, bytes bound not None):
    """Make a key pair on P-256: the sealed private key, the public key (DER)."""
    cdef uint8_t room[PRIVATE_KEY_BYTES_MAX + SEAL_BYTES]
    cdef uint8_t *private = NULL
    cdef uint8_t *public = NULL
    cdef int private_bytes = -1, public_bytes = -1
    cdef EVP_PKEY *pair = EVP_EC_gen("P-256")
    if pair != NULL:
        private_bytes = i2d_PrivateKey(pair, &private)
        public_bytes = i2d_PUBKEY(pair, &public)
    EVP_PKEY_free(pair)
    try:
        if not 0 < private_bytes <= PRIVATE_KEY_BYTES_MAX or public_bytes < 0:
            raise OSError("no key pair")
        seal(sealing_key, bound, private, private_bytes, room)
        return (PyBytes_FromStringAndSize(<char *> room, private_bytes + SEAL_BYTES),
                PyBytes_FromStringAndSize(<char *> public, public_bytes))
    finally:
        OPENSSL_clear_free(private, max(private_bytes, 0))
        OPENSSL_free(public)


def sign(Key sealing_key not None, bytes bound not None, bytes sealed not None,
         bytes data not None):
    """Sign data: ECDSA with SHA-256 (DER)."""
    cdef uint8_t room[PRIVATE_KEY_BYTES_MAX + SEAL_BYTES]
    cdef uint8_t signature[SIGNATURE_BYTES_MAX]
    cdef const uint8_t *start = room
    cdef size_t made = SIGNATURE_BYTES_MAX
    cdef EVP_PKEY *pair
    cdef EVP_MD_CTX *context
    cdef int length
    cdef bint done
    if len(sealed) > PRIVATE_KEY_BYTES_MAX + SEAL_BYTES:
        raise Refused(ErrorCode.PIN_UNDER_LMK)
    length = unseal(sealing_key, bound, <const uint8_t *> PyBytes_AS_STRING(sealed),
                    <int> len(sealed), room)
    pair = d2i_AutoPrivateKey(NULL, &start, length)
    OPENSSL_cleanse(room, sizeof(room))
    context = EVP_MD_CTX_new()
    done = (pair != NULL and context != NULL
            and EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pair) == 1
            and EVP_DigestSign(context, signature, &made,
                               <const uint8_t *> PyBytes_AS_STRING(data), len(data)) == 1)
    EVP_MD_CTX_free(context)
    EVP_PKEY_free(pair)                     # overwrites the private key
    if not done:
        ERR_clear_error()
        raise OSError("no signature")
    return PyBytes_FromStringAndSize(<char *> signature, made)
