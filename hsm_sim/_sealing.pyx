"""Sealing with AES-256-GCM. See `_sealing.pxd`.

A vector is random: at 2^32 sealings under one key two might be equal, and a key of ours seals one
batch of vouchers (SP 800-38D, 8.3).
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memcpy

from hsm_sim._keys cimport AES, Key
from hsm_sim._openssl cimport (
    EVP_CIPHER_CTX, EVP_CIPHER_CTX_free, EVP_CIPHER_CTX_new, EVP_CipherInit_ex, EVP_CipherUpdate,
    OPENSSL_cleanse, RAND_bytes,
)
from hsm_sim._openssl_documents cimport (
    ERR_clear_error, EVP_CIPHER_CTX_ctrl, EVP_CTRL_GCM_GET_TAG, EVP_CTRL_GCM_SET_TAG,
    EVP_CipherFinal_ex, EVP_aes_256_gcm,
)

from hsm_sim.errors import ErrorCode, Refused


cdef EVP_CIPHER_CTX *prepared(Key key, bytes bound, const uint8_t *vector,
                              bint seals) except NULL:
    cdef EVP_CIPHER_CTX *context
    cdef int made = 0
    if key.algorithm != AES or key.length != 32:
        raise ValueError("a sealing key is an AES key of 32 bytes")
    context = EVP_CIPHER_CTX_new()
    if (context == NULL
            or EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key.secret, vector, seals) != 1
            or EVP_CipherUpdate(context, NULL, &made, <const uint8_t *> PyBytes_AS_STRING(bound),
                                <int> len(bound)) != 1):
        EVP_CIPHER_CTX_free(context)
        raise OSError("the cipher is not available")
    return context


cdef int seal(Key key, bytes bound, const uint8_t *data, int bytes, uint8_t *out) except -1:
    cdef EVP_CIPHER_CTX *context
    cdef int made = 0, rest = 0
    cdef bint done
    if RAND_bytes(out, VECTOR_BYTES) != 1:
        raise OSError("no random bytes")
    context = prepared(key, bound, out, True)
    done = (EVP_CipherUpdate(context, out + VECTOR_BYTES, &made, data, bytes) == 1
            and made == bytes
            and EVP_CipherFinal_ex(context, out + VECTOR_BYTES + made, &rest) == 1
            and EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES,
                                    out + VECTOR_BYTES + bytes) == 1)
    EVP_CIPHER_CTX_free(context)
    if not done:
        raise OSError("the cipher failed")
    return 0


cdef int unseal(Key key, bytes bound, const uint8_t *data, int bytes, uint8_t *out) except -1:
    cdef EVP_CIPHER_CTX *context
    cdef uint8_t tag[TAG_BYTES]
    cdef int made = 0, rest = 0
    cdef int inside = bytes - SEAL_BYTES
    cdef bint done
    if inside < 1:
        raise Refused(ErrorCode.PIN_UNDER_LMK)
    memcpy(tag, data + VECTOR_BYTES + inside, TAG_BYTES)
    context = prepared(key, bound, data, False)
    done = (EVP_CipherUpdate(context, out, &made, data + VECTOR_BYTES, inside) == 1
            and made == inside
            and EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1
            and EVP_CipherFinal_ex(context, out + made, &rest) == 1)
    EVP_CIPHER_CTX_free(context)
    if not done:
        OPENSSL_cleanse(out, inside)
        ERR_clear_error()
        raise Refused(ErrorCode.PIN_UNDER_LMK)
    return inside
