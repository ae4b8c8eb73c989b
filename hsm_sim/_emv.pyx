"""Chip cards. See `_emv.pxd`."""

from hashlib import sha1

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from hsm_sim._keys cimport TDES, Key, key_of
from hsm_sim._openssl cimport OPENSSL_cleanse

from hsm_sim._macs import retail_mac

cdef enum:
    PAN_DIGITS_MAX = 19

# Hexadecimal letters as digits. Source: EMV Book 2, annex A1.4.2.
LETTERS_AS_DIGITS = str.maketrans("abcdef", "012345")


cdef Key pair_of(Key source, const uint8_t *left, const uint8_t *right):
    cdef uint8_t room[16]
    cdef Key made
    if source.algorithm != TDES or source.length != 16:
        raise ValueError("card keys are TDES keys of 16 bytes")
    source.encrypt(left, room, 8)
    source.encrypt(right, room + 8, 8)
    made = key_of(TDES, room, 16)
    OPENSSL_cleanse(room, sizeof(room))
    return made.with_odd_parity()


def sized(bytes value not None, int length):
    """Give the value back when it has this length."""
    if len(value) != length:
        raise ValueError(f"{len(value)} bytes instead of {length}")
    return value


# --- keys ----------------------------------------------------------------------------------------

def account_block(str pan not None, str sequence not None, bint option_b=False):
    """Give the 8 bytes that a card's keys are derived from: of account number and sequence number.

    Option A takes the last 16 digits. Option B hashes longer ones: SHA-1, the first 16 decimal
    digits of it, letters as digits where those are not enough.
    """
    digits = pan + sequence
    if (not (digits.isascii() and digits.isdigit()) or len(sequence) != 2
            or not 1 <= len(pan) <= PAN_DIGITS_MAX):
        raise ValueError("no account number")
    if option_b and len(pan) > 16:
        hashed = sha1(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))).hexdigest()
        decimal = "".join([letter for letter in hashed if letter.isdigit()])
        rest = "".join([letter for letter in hashed if letter.isalpha()])
        digits = decimal + rest.translate(LETTERS_AS_DIGITS)
        return bytes.fromhex(digits[:16])
    digits = digits.zfill(16)
    return bytes.fromhex(digits[len(digits) - 16:])


def card_key(Key master not None, bytes account not None):
    """Derive a card's key from the issuer's, by the bytes of `account_block`."""
    cdef uint8_t inverted[8]
    cdef const uint8_t *at = <const uint8_t *> PyBytes_AS_STRING(sized(account, 8))
    cdef int i
    for i in range(8):
        inverted[i] = at[i] ^ 0xff
    return pair_of(master, at, inverted)


def session_key(Key card not None, bytes diversifier not None):
    """Derive a common session key: by 8 bytes, whose third gives way to F0 and 0F.

    For a cryptogram the ATC and zeros; for M/Chip the ATC, zeros and the unpredictable number; for
    a script the cryptogram before it.
    """
    cdef uint8_t left[8]
    cdef uint8_t right[8]
    memcpy(left, PyBytes_AS_STRING(sized(diversifier, 8)), 8)
    memcpy(right, left, 8)
    left[2] = 0xf0
    right[2] = 0x0f
    return pair_of(card, left, right)


def cryptogram_key(Key card not None, bytes atc not None):
    """Derive the session key of a cryptogram, by the transaction counter (EMV CSK)."""
    return session_key(card, sized(atc, 2) + bytes(6))


def mchip_key(Key card not None, bytes atc not None, bytes unpredictable not None):
    """Derive the session key of a cryptogram of M/Chip, by counter and unpredictable number."""
    return session_key(card, sized(atc, 2) + bytes(2) + sized(unpredictable, 4))


def visa_script_key(Key card not None, bytes atc not None):
    """Derive the key of a script of VIS: the card's key, XOR the counter and its inverse."""
    inverted = bytes([byte ^ 0xff for byte in sized(atc, 2)])
    return card.masked(bytes(6) + atc + bytes(6) + inverted).with_odd_parity()


# --- cryptograms ---------------------------------------------------------------------------------

def cryptogram(Key key not None, bytes data not None, int padding=2):
    """Give the application cryptogram, or the MAC of a script: 8 bytes.

    EMV pads with method 2; VIS cryptogram version 10 pads with zeros (method 1).
    """
    return retail_mac(key, data, padding)


def arpc_1(Key key not None, bytes arqc not None, bytes response_code not None):
    """Answer a cryptogram with an authorisation response code: 8 bytes (method 1)."""
    cdef uint8_t room[8]
    memcpy(room, PyBytes_AS_STRING(sized(arqc, 8)), 8)
    cdef const uint8_t *code = <const uint8_t *> PyBytes_AS_STRING(sized(response_code, 2))
    room[0] ^= code[0]
    room[1] ^= code[1]
    key.encrypt(room, room, 8)
    return PyBytes_FromStringAndSize(<char *> room, 8)


def arpc_2(Key key not None, bytes arqc not None, bytes status_update not None,
           bytes proprietary=b""):
    """Answer a cryptogram with a card status update and up to 8 bytes more: 4 bytes (method 2)."""
    if len(proprietary) > 8:
        raise ValueError("proprietary authentication data of more than 8 bytes")
    data = sized(arqc, 8) + sized(status_update, 4) + proprietary
    return retail_mac(key, data, 2)[:4]


def cvc3(Key key not None, bytes track not None, bytes unpredictable not None, bytes atc not None):
    """Give the dynamic code of a contactless card's magnetic-stripe mode: 5 digits.

    `track` is the static track data as the card has it: track 2 packed, F at an odd end, or track 1
    as text. What a track carries of the code are its last digits.
    """
    start = retail_mac(key, track, 2)[6:]
    cdef uint8_t room[8]
    block = start + sized(unpredictable, 4) + sized(atc, 2)
    memcpy(room, PyBytes_AS_STRING(block), 8)
    key.encrypt(room, room, 8)
    return f"{room[6] << 8 | room[7]:05}"
