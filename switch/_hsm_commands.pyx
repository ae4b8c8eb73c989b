"""What the HSM is asked. See `_hsm_commands.pxd`.

Every function gives False when the message does not hold what its command needs: then the proof is
unreadable, and the command is not sent. Room for the longest is reserved by `command_begin`.
"""

from libc.stddef cimport size_t
from libc.string cimport memcmp, memcpy, memset

from switch._dynamic_codes cimport DynamicTrack, read_dynamic_track
from switch._keyring cimport MAC_RETAIL
from switch._mapping cimport F_CARD_SEQUENCE, F_CHIP_DATA, F_PAN, F_PIN_BLOCK, F_TRACK2, read_hex
from switch.iso8583._codec cimport has, next_ber_tlv, read_text
from switch.ledger._rows cimport buffer_reserve

cdef enum:
    COMMAND_BYTES_MAX = 6000    # a MAC over the longest message, and its keys
    PAN_DIGITS_MAX = 19
    TRACK2_CHARACTERS_MAX = 40
    CHIP_BYTES_MAX = 255
    AES_BLOCK_BYTES = 16

cdef const char *HEX = b"0123456789ABCDEF"
# Tags that a cryptogram is over (CVN 18), in this order: docs/cards.md.
cdef const uint8_t *SIGNED_TAGS = (
    b"\x9f\x02\x9f\x03\x9f\x1a\x95\x00\x5f\x2a\x9a\x00\x9c\x00\x9f\x37\x82\x00\x9f\x36\x9f\x10")

cdef enum:
    SIGNED_COUNT = 11


# --- the frame ------------------------------------------------------------------------------------

cdef size_t command_begin(Buffer *out, int32_t number) noexcept nogil:
    """Begin a frame: its header is the command's number. Its place counted from 1; 0: no memory."""
    cdef size_t start = out.bytes
    cdef int i
    if buffer_reserve(out, COMMAND_BYTES_MAX) != 0:
        return 0
    for i in range(4):
        out.data[start + 2 + i] = HEX[number >> (12 - 4 * i) & 15]
    out.bytes += 6
    return start + 1


cdef void command_end(Buffer *out, size_t start) noexcept nogil:
    """Write the frame's length."""
    cdef size_t bytes = out.bytes - (start - 1) - 2
    out.data[start - 1] = <uint8_t> (bytes >> 8)
    out.data[start] = <uint8_t> (bytes & 0xff)


cdef inline void put(Buffer *out, const void *data, size_t bytes) noexcept nogil:
    memcpy(out.data + out.bytes, data, bytes)
    out.bytes += bytes


cdef inline void put_key(Buffer *out, const SealedKey *key) noexcept nogil:
    put(out, key.text, key.bytes)


cdef void put_hex(Buffer *out, const uint8_t *data, size_t bytes) noexcept nogil:
    cdef size_t i
    for i in range(bytes):
        out.data[out.bytes] = HEX[data[i] >> 4]
        out.data[out.bytes + 1] = HEX[data[i] & 15]
        out.bytes += 2


cdef void put_number(Buffer *out, size_t value, int base, int width) noexcept nogil:
    """A number of fixed width."""
    cdef int i
    for i in range(width - 1, -1, -1):
        out.data[out.bytes + <size_t> i] = HEX[value % <size_t> base]
        value = value // <size_t> base
    out.bytes += <size_t> width


# --- what a message holds -------------------------------------------------------------------------

cdef Py_ssize_t element(const Asking *asking, int field, char *out, size_t room) noexcept nogil:
    """An element's characters, or 0."""
    cdef int number = asking.profile.element[field]
    cdef Py_ssize_t count
    if not has(&asking.work.scan, number):
        return 0
    count = read_text(asking.profile.spec, &asking.work.scan, asking.data, number, out, room)
    return count if count > 0 else 0


cdef Py_ssize_t pan_of(const Asking *asking, char *out) noexcept nogil:
    """The card's number, from its element or track 2. How many digits, or 0."""
    cdef char track[TRACK2_CHARACTERS_MAX]
    cdef Py_ssize_t count = element(asking, F_PAN, out, PAN_DIGITS_MAX)
    cdef Py_ssize_t length
    if count == 0:
        length = element(asking, F_TRACK2, track, sizeof(track))
        while count < length and count < PAN_DIGITS_MAX and 48 <= track[count] <= 57:
            count += 1
        memcpy(out, track, <size_t> count)
        memset(track, 0, sizeof(track))
    return count if count >= 13 else 0


cdef bint put_account(const Asking *asking, Buffer *out) noexcept nogil:
    """The 12 rightmost digits of the card's number without its check digit."""
    cdef char pan[PAN_DIGITS_MAX]
    cdef Py_ssize_t count = pan_of(asking, pan)
    if count:
        put(out, pan + count - 13, 12)
    memset(pan, 0, sizeof(pan))
    return count > 0


# --- the sender's MAC -----------------------------------------------------------------------------

cdef void put_mac_fields(const TerminalKeys *keys, bint keys_before, const uint8_t *data,
                         size_t bytes, Buffer *out) noexcept nogil:
    """Only block, binary, 8 bytes, algorithm, padding with zeros, key, length, data."""
    cdef const SealedKey *key = &keys.mac[1 if keys_before else 0]
    cdef bint block = key.text[0] == 83         # S: a key block, which names its algorithm
    put(out, b"001", 3)
    if keys.mac_algorithm == MAC_RETAIL:
        put(out, b"31", 2)
    else:
        put(out, b"50" if block and key.text[8] == 65 else b"60", 2)
    put(out, b"FFF" if block else b"003", 3)
    put_key(out, key)
    put_number(out, bytes, 16, 4)
    put(out, data, bytes)


cdef bint put_mac_check(const Asking *asking, Buffer *out) noexcept nogil:
    """M8: is the MAC of the message right? It is over all that stands before it."""
    cdef char mac[16]
    cdef int number = asking.work.request.mac_element
    if read_text(asking.profile.spec, &asking.work.scan, asking.data, number, mac, 16) != 16:
        return False
    put(out, b"M8", 2)
    put_mac_fields(asking.terminal, asking.keys_before, asking.data,
                   asking.work.scan.elements[number].offset, out)
    put(out, mac, 16)
    return True


cdef void put_seal(const TerminalKeys *keys, bint keys_before, const uint8_t *data, size_t bytes,
                   Buffer *out) noexcept nogil:
    """M6: the MAC of a reply."""
    put(out, b"M6", 2)
    put_mac_fields(keys, keys_before, data, bytes, out)


# --- the holder's PIN -----------------------------------------------------------------------------

cdef bint put_pin_check(const Asking *asking, Buffer *out) noexcept nogil:
    """DC, or of a derived key CM: is the PIN the one that the card's PVV stands for?"""
    cdef char block[16]
    if element(asking, F_PIN_BLOCK, block, 16) != 16:
        return False
    if asking.work.request.has_key_serial:
        put(out, b"CM", 2)
        put_key(out, asking.derivation)
        put_key(out, &asking.issuer.pin_verification)
        put(out, b"605", 3)
        put_hex(out, asking.work.request.key_serial, 10)
    else:
        put(out, b"DC", 2)
        put_key(out, &asking.terminal.pin[1 if asking.keys_before else 0])
        put_key(out, &asking.issuer.pin_verification)
    put(out, block, 16)
    if not asking.work.request.has_key_serial:
        put(out, b"01", 2)              # ISO 9564 format 0; of a derived key it is always that
    if not put_account(asking, out):
        return False
    put_number(out, asking.card.pvki, 10, 1)
    put_number(out, asking.card.pvv, 10, 4)
    return True


cdef bint put_pin_translation(const Asking *asking, Buffer *out) noexcept nogil:
    """CA, or of a derived key CI: the PIN under the key that is shared with the card's own bank."""
    cdef char block[16]
    cdef bint derived = asking.work.request.has_key_serial
    if element(asking, F_PIN_BLOCK, block, 16) != 16:
        return False
    if derived:
        put(out, b"CI", 2)
        put_key(out, asking.derivation)
    else:
        put(out, b"CA", 2)
        put_key(out, &asking.terminal.pin[1 if asking.keys_before else 0])
    put_key(out, &asking.issuer.zone_pin)
    if derived:
        put(out, b"605", 3)
        put_hex(out, asking.work.request.key_serial, 10)
    else:
        put(out, b"12", 2)              # the longest PIN
    put(out, block, 16)
    put(out, b"0101", 2 if derived else 4)      # ISO 9564 format 0, before and after
    return put_account(asking, out)


# --- a voucher's PIN ------------------------------------------------------------------------------

cdef bint put_voucher_digest(const Asking *asking, Buffer *out) noexcept nogil:
    """VE: what is the digest of the PIN that is encrypted under the terminal's data key?"""
    cdef const SealedKey *key = &asking.terminal.data[1 if asking.keys_before else 0]
    cdef size_t bytes = asking.work.request.voucher_pin_bytes
    if key.text[0] == 83 and key.text[8] == 65 and bytes % AES_BLOCK_BYTES != 0:
        return False                # S, A: a key block with an AES key, whose blocks are longer
    put(out, b"VE", 2)
    put_key(out, &asking.vouchers.voucher)
    put_number(out, asking.vouchers.label_bytes, 10, 2)
    put(out, asking.vouchers.label, asking.vouchers.label_bytes)
    put(out, b"E30B", 4)
    put_key(out, key)
    put_number(out, 2 * bytes, 10, 3)
    put_hex(out, asking.work.request.voucher_pin, bytes)
    return True


# --- the card -------------------------------------------------------------------------------------

cdef bint put_card_code_check(const Asking *asking, Buffer *out) noexcept nogil:
    """CY: is the verification value on the stripe the card's?"""
    cdef char track[TRACK2_CHARACTERS_MAX]
    cdef Py_ssize_t count = element(asking, F_TRACK2, track, sizeof(track))
    cdef Py_ssize_t digits = 0
    cdef Py_ssize_t code
    cdef Py_ssize_t i
    cdef bint good
    while digits < count and 48 <= track[digits] <= 57:
        digits += 1
    code = digits + 8 + asking.issuer.code_at       # separator, expiry, service code
    good = 13 <= digits <= PAN_DIGITS_MAX and code + 3 <= count
    for i in range(digits + 1, code + 3 if good else 0):
        good &= 48 <= track[i] <= 57
    if good:
        put(out, b"CY", 2)
        put_key(out, &asking.issuer.card_code)
        put(out, track + code, 3)
        put(out, track, <size_t> digits)
        put(out, b";", 1)
        put(out, track + digits + 1, 7)
    memset(track, 0, sizeof(track))
    return good


cdef bint put_dynamic_code_check(const Asking *asking, Buffer *out) noexcept nogil:
    """PM: is the code of this one presentation the card's? A track tells no sequence number: 00."""
    cdef char track[TRACK2_CHARACTERS_MAX]
    cdef DynamicTrack found
    cdef Py_ssize_t count = element(asking, F_TRACK2, track, sizeof(track))
    cdef bint good = read_dynamic_track(&asking.issuer.places, track, count, &found)
    if good:
        put(out, b"PM12", 4)
        put_key(out, &asking.issuer.dynamic_code)
        put(out, b"A", 1)
        put(out, track, <size_t> found.pan_digits)
        put(out, b";00", 3)
        put_number(out, found.fixed_bytes, 10, 3)
        put(out, found.fixed, found.fixed_bytes)
        put(out, found.number, sizeof(found.number))
        put_number(out, <size_t> asking.counter, 10, 5)
        put(out, found.code, sizeof(found.code))
    memset(track, 0, sizeof(track))
    memset(&found, 0, sizeof(found))
    return good


cdef const uint8_t *find_tag(const uint8_t *chip, size_t bytes, const uint8_t *wanted,
                             size_t *count) noexcept nogil:
    """A data object of the chip; a tag of one byte has a 0 behind it. NULL for none."""
    cdef const uint8_t *tag = NULL
    cdef const uint8_t *value = NULL
    cdef size_t tag_bytes = 0
    cdef size_t at = 0
    cdef size_t wanted_bytes = 1 if wanted[1] == 0 else 2
    while next_ber_tlv(chip, bytes, &at, &tag, &tag_bytes, &value, count) == 1:
        if tag_bytes == wanted_bytes and memcmp(tag, wanted, wanted_bytes) == 0:
            return value
    return NULL


cdef bint put_diversifier(const Asking *asking, Buffer *out) noexcept nogil:
    """What a card's key is derived from: the last 16 digits of number and sequence, packed."""
    cdef char digits[PAN_DIGITS_MAX + 3]
    cdef char sequence[4]
    cdef Py_ssize_t count = pan_of(asking, digits)
    cdef Py_ssize_t i
    cdef uint8_t packed[8]
    if count == 0:
        return False
    if element(asking, F_CARD_SEQUENCE, sequence, sizeof(sequence)) == 3:
        memcpy(digits + count, sequence + 1, 2)
    else:
        memcpy(digits + count, b"00", 2)
    count += 2
    memset(packed, 0, 8)
    for i in range(16 if count >= 16 else count):
        packed[7 - i // 2] |= <uint8_t> ((digits[count - 1 - i] - 48) << (4 if i % 2 else 0))
    put(out, packed, 8)
    memset(digits, 0, sizeof(digits))
    return True


cdef bint put_cryptogram_check(const Asking *asking, Buffer *out) noexcept nogil:
    """KW: is the chip's cryptogram right, and what is the answer to it?"""
    cdef char characters[2 * CHIP_BYTES_MAX]
    cdef uint8_t chip[CHIP_BYTES_MAX]
    cdef uint8_t covered[CHIP_BYTES_MAX]
    cdef size_t covered_bytes = 0
    cdef size_t bytes, count = 0
    cdef const uint8_t *value
    cdef int i
    cdef Py_ssize_t length = element(asking, F_CHIP_DATA, characters, sizeof(characters))
    bytes = <size_t> length // 2
    if length == 0 or not read_hex(<const uint8_t *> characters, <size_t> length, chip, bytes):
        return False
    for i in range(SIGNED_COUNT):
        value = find_tag(chip, bytes, SIGNED_TAGS + 2 * i, &count)
        if value == NULL or covered_bytes + count > sizeof(covered):
            return False
        memcpy(covered + covered_bytes, value, count)
        covered_bytes += count
    put(out, b"KW12", 4)                # and its answer; the key by option A
    put_key(out, &asking.issuer.cryptogram)
    if not put_diversifier(asking, out):
        return False
    value = find_tag(chip, bytes, b"\x9f\x36", &count)
    put(out, value, 2)
    put_number(out, covered_bytes, 16, 2)
    put(out, covered, covered_bytes)
    put(out, b";", 1)
    value = find_tag(chip, bytes, b"\x9f\x26", &count)
    if value == NULL or count != 8:
        return False
    put(out, value, 8)
    put(out, b"00", 2)
    return True
