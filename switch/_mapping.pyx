"""Reading requests by a profile's tables. See `_mapping.pxd`."""

from libc.string cimport memcmp, memcpy, memset

from switch._dynamic_codes cimport note_counter_digits
from switch._index cimport hash_bytes
from switch._remote cimport note_card_number
from switch._shard cimport bashgah_hmac
from switch._words cimport (
    CLASS_ADVICE, CLASS_AUTHORISATION, CLASS_FINANCIAL, CLASS_NETWORK, CLASS_NONE, CLASS_REVERSAL,
    CLASS_REVERSAL_ADVICE, FORMAT_ERROR, KEY_EXCHANGE, MANDATORY_ELEMENT_MISSING, REASON_NONE,
    REVERSAL, UNKNOWN_MESSAGE_TYPE,
    UNKNOWN_NETWORK_CODE, UNKNOWN_PROCESSING_CODE, WRONG_ACQUIRER,
)
from switch.iso8583._codec cimport has, next_ber_tlv, next_tlv, read_digits, read_text

cdef enum:
    PAN_DIGITS_MAX = 19
    TRACK2_CHARACTERS_MAX = 40
    PRIVATE_CHARACTERS_MAX = 999
    ORIGINAL_DIGITS = 42
    CHIP_BYTES_MAX = 255        # DE 55
    CHIP_CHARACTERS_MAX = 510
    TAG_CARD_COUNTER = 0x36     # 9F36, application transaction counter
    TAG_CRYPTOGRAM = 0x26       # 9F26
    TAG_AMOUNT = 0x02           # 9F02, what the card's holder was shown
    DATE_MAX = 1231             # MMDD
    TIME_MAX = 235959           # hhmmss
    ITEM_CHARACTERS_MAX = 32    # of a serial number
    CIPHER_BLOCK_BYTES = 8      # of the shortest block
    VOUCHER_PIN_BYTES_MIN = 24  # a vector, and a PIN of 12 digits with its filler
    VOUCHER_PIN_BYTES_MAX = 48
    TIMES_A_DATE = 1000000      # MMDDhhmmss = MMDD * this + hhmmss

cdef struct Reading:            # what the reading functions share
    const Profile *profile
    const Scan *scan
    const uint8_t *data
    int32_t fault_field         # -1 = none


cdef inline bint sent(const Reading *reading, int field) noexcept nogil:
    return has(reading.scan, reading.profile.element[field])


cdef int64_t number(Reading *reading, int field, int64_t if_absent) noexcept nogil:
    """Read a numeric element; on a bad one notes the field."""
    cdef uint64_t value = 0
    if not sent(reading, field):
        return if_absent
    if read_digits(reading.profile.spec, reading.scan, reading.data,
                   reading.profile.element[field], &value) != 0:
        reading.fault_field = field
        return if_absent
    return <int64_t> value


cdef Py_ssize_t text(Reading *reading, int field, char *out, size_t out_bytes) noexcept nogil:
    """Read an element as ASCII characters; 0 when absent, on a bad one notes the field."""
    cdef Py_ssize_t count
    if not sent(reading, field):
        return 0
    count = read_text(reading.profile.spec, reading.scan, reading.data,
                      reading.profile.element[field], out, out_bytes)
    if count < 0:
        reading.fault_field = field
        return 0
    return count


cdef int64_t digits(const char *characters, Py_ssize_t count) noexcept nogil:
    """The number that some characters say, or -1 when they are no digits (or none, or over 18)."""
    cdef int64_t value = 0
    cdef Py_ssize_t i
    if count < 1 or count > 18:
        return -1
    for i in range(count):
        if not 48 <= characters[i] <= 57:
            return -1
        value = value * 10 + (characters[i] - 48)
    return value


cdef uint8_t class_of(int mti) noexcept nogil:
    """The message class of a request we serve, repeats included; CLASS_NONE for any other."""
    if mti % 10 > 1:
        return CLASS_NONE
    mti = mti // 10
    if mti == 10:
        return CLASS_AUTHORISATION
    if mti == 20:
        return CLASS_FINANCIAL
    if mti == 22:
        return CLASS_ADVICE
    if mti == 40:
        return CLASS_REVERSAL
    if mti == 42:
        return CLASS_REVERSAL_ADVICE
    return CLASS_NETWORK if mti == 80 else CLASS_NONE


cdef int read_class(const Profile *profile, const Scan *scan, const uint8_t *data,
                    Request *request) noexcept nogil:
    """Read the message type. A ReadStatus; READ_REFUSED for a request that we do not serve."""
    cdef char characters[8]
    cdef int64_t mti
    memset(request, 0, sizeof(Request))
    if read_text(profile.spec, scan, data, 0, characters, 8) != 4:
        return READ_HOPELESS
    mti = digits(characters, 4)
    if mti < 0:
        return READ_HOPELESS
    request.mti = <int16_t> mti
    request.message_class = class_of(<int> mti)
    if request.message_class != CLASS_NONE:
        return READ_DONE
    # An odd function digit is an answer; answering it would start a loop between two hosts.
    return READ_IGNORED if mti // 10 % 2 else READ_REFUSED


cdef void token_of(const Shard *shard, const char *pan, Py_ssize_t count,
                   Request *request) noexcept nogil:
    cdef uint8_t digest[32]
    bashgah_hmac(&shard.pan_key, <const uint8_t *> pan, <size_t> count, digest)
    memcpy(request.card_token, digest, 16)
    memset(digest, 0, 32)
    request.has_card = 1
    if shard.host_count:
        note_card_number(pan, count, request)


cdef void read_card(const Shard *shard, Reading *reading, Request *request) noexcept nogil:
    """PAN and expiry from their elements or track 2, which must agree; how the card was read."""
    cdef char pan[PAN_DIGITS_MAX]
    cdef char track[TRACK2_CHARACTERS_MAX]
    cdef Py_ssize_t pan_count = text(reading, F_PAN, pan, sizeof(pan))
    cdef Py_ssize_t track_count = text(reading, F_TRACK2, track, sizeof(track))
    cdef Py_ssize_t at = 0
    cdef int64_t mode = number(reading, F_ENTRY_MODE, -1)
    request.entry_mode = <int16_t> (mode // 10) if mode >= 0 else -1
    request.expires_yymm = <int32_t> number(reading, F_EXPIRY, -1)
    request.service_code = -1
    if track_count:
        while at < track_count and 48 <= track[at] <= 57:
            at += 1
        if (at > PAN_DIGITS_MAX or track_count - at < 5
                or (track[at] != 61 and track[at] != 68)        # = or D
                or (pan_count and (pan_count != at or memcmp(pan, track, <size_t> at) != 0))):
            reading.fault_field = F_TRACK2
        else:
            if request.expires_yymm < 0:
                request.expires_yymm = <int32_t> digits(track + at + 1, 4)
            request.has_track2 = 1
            if track_count - at >= 8:
                request.service_code = <int16_t> digits(track + at + 5, 3)
            token_of(shard, track, at, request)
    elif pan_count:
        token_of(shard, pan, pan_count, request)
    note_counter_digits(shard, track, track_count, request)
    memset(pan, 0, sizeof(pan))
    memset(track, 0, sizeof(track))


cdef bint read_hex(const uint8_t *characters, size_t count, uint8_t *out,
                   size_t bytes) noexcept nogil:
    """Read `bytes` bytes from twice as many upper-case hexadecimal digits; False = they are not."""
    cdef size_t i
    cdef uint8_t c
    if count != 2 * bytes:
        return False
    for i in range(count):
        c = characters[i]
        if 48 <= c <= 57:
            c -= 48
        elif 65 <= c <= 70:
            c -= 55
        else:
            return False
        out[i // 2] = c if i % 2 == 0 else <uint8_t> (out[i // 2] << 4 | c)
    return True


cdef int64_t packed_digits(const uint8_t *packed, size_t bytes) noexcept nogil:
    """The number that digits say, two in a byte; -1 when they are none."""
    cdef int64_t number = 0
    cdef size_t i
    for i in range(bytes):
        if packed[i] >> 4 > 9 or (packed[i] & 15) > 9:
            return -1
        number = number * 100 + (packed[i] >> 4) * 10 + (packed[i] & 15)
    return number


cdef void read_proofs(Reading *reading, Request *request) noexcept nogil:
    """What the message has to prove itself with."""
    cdef char chip[CHIP_CHARACTERS_MAX]
    cdef uint8_t data[CHIP_BYTES_MAX]
    cdef const uint8_t *value = NULL
    cdef size_t value_bytes = 0
    cdef size_t at = 0
    cdef const uint8_t *tag = NULL
    cdef size_t tag_bytes = 0
    cdef Py_ssize_t count
    request.card_counter = -1
    request.chip_minor = -1
    request.has_pin = sent(reading, F_PIN_BLOCK)
    if sent(reading, F_MAC):
        request.mac_element = <uint8_t> reading.profile.element[F_MAC]
    elif sent(reading, F_MAC_EXTENDED):
        request.mac_element = <uint8_t> reading.profile.element[F_MAC_EXTENDED]
    count = text(reading, F_CHIP_DATA, chip, sizeof(chip))
    if count == 0:
        return
    if not read_hex(<const uint8_t *> chip, <size_t> count, data, <size_t> count // 2):
        reading.fault_field = F_CHIP_DATA
        return
    while next_ber_tlv(data, <size_t> count // 2, &at, &tag, &tag_bytes, &value,
                       &value_bytes) == 1:
        if tag_bytes != 2 or tag[0] != 0x9f:
            continue
        if tag[1] == TAG_CARD_COUNTER and value_bytes == 2:
            request.card_counter = value[0] << 8 | value[1]
        elif tag[1] == TAG_CRYPTOGRAM and value_bytes == 8:
            request.has_chip = 1
        elif tag[1] == TAG_AMOUNT and value_bytes == 6:
            request.chip_minor = packed_digits(value, 6)
    if request.card_counter < 0:
        request.has_chip = 0


cdef int64_t item_named(const uint8_t *serial, size_t count) noexcept nogil:
    """Name the lot that stands for a thing by its serial number; 0 when that is none.

    The second highest bit keeps these names apart from those that sequences give.
    """
    if count == 0 or count > ITEM_CHARACTERS_MAX:
        return 0
    return <int64_t> (hash_bytes(serial, count, 0) & <uint64_t> 0x3fffffffffffffff
                      | <uint64_t> 0x4000000000000000)


cdef bint read_voucher_pin(const uint8_t *characters, size_t count,
                           Request *request) noexcept nogil:
    """Read a voucher's PIN, encrypted: whole blocks, a vector before. False = it is none."""
    cdef size_t bytes = count // 2
    if (not VOUCHER_PIN_BYTES_MIN <= bytes <= VOUCHER_PIN_BYTES_MAX
            or bytes % CIPHER_BLOCK_BYTES != 0
            or not read_hex(characters, count, request.voucher_pin, bytes)):
        return False
    request.has_voucher_pin = 1
    request.voucher_pin_bytes = <uint8_t> bytes
    return True


cdef void read_private(Reading *reading, Request *request) noexcept nogil:
    """The tags of the private element that ask for something; others are left alone."""
    cdef char characters[PRIVATE_CHARACTERS_MAX]
    cdef Py_ssize_t count = text(reading, F_PRIVATE, characters, sizeof(characters))
    cdef const uint8_t *tag = NULL
    cdef const uint8_t *value = NULL
    cdef size_t value_bytes = 0
    cdef size_t at = 0
    request.points_limit = -1
    while count and next_tlv(<const uint8_t *> characters, <size_t> count, &at, &tag, &value,
                             &value_bytes) == 1:
        if memcmp(tag, reading.profile.tags[T_POINTS_LIMIT], 2) == 0:
            request.points_limit = digits(<const char *> value, <Py_ssize_t> value_bytes)
            if request.points_limit < 0:
                reading.fault_field = F_PRIVATE
        elif memcmp(tag, reading.profile.tags[T_PARTIAL_OK], 2) == 0:
            request.partial_ok = value_bytes == 1 and value[0] == 49
        elif memcmp(tag, reading.profile.tags[T_ORIGINAL_TERMINAL], 2) == 0:
            if value_bytes != 8:
                reading.fault_field = F_PRIVATE
            else:
                memcpy(request.original_terminal_id, value, 8)
        elif memcmp(tag, reading.profile.tags[T_PLAN], 2) == 0:
            request.terms = digits(<const char *> value, <Py_ssize_t> value_bytes)
            if request.terms < 0:
                reading.fault_field = F_PRIVATE
        elif memcmp(tag, reading.profile.tags[T_ITEM], 2) == 0:
            request.item = item_named(value, value_bytes)
            if request.item == 0:
                reading.fault_field = F_PRIVATE
        elif memcmp(tag, reading.profile.tags[T_KEY_SERIAL], 2) == 0:
            request.has_key_serial = read_hex(value, value_bytes, request.key_serial, 10)
            if not request.has_key_serial:
                reading.fault_field = F_PRIVATE
        elif memcmp(tag, reading.profile.tags[T_VOUCHER_PIN], 2) == 0:
            if not read_voucher_pin(value, value_bytes, request):
                reading.fault_field = F_PRIVATE


cdef void read_original(Reading *reading, Request *request) noexcept nogil:
    """Original data elements: MTI 4, STAN 6, time 10, acquirer 11, forwarder 11."""
    cdef char original[ORIGINAL_DIGITS]
    cdef char replacement[ORIGINAL_DIGITS]
    cdef int64_t mti, at
    request.original_stan = request.original_at = request.original_class = -1
    request.replacement_minor = -1
    if text(reading, F_ORIGINAL, original, sizeof(original)) == ORIGINAL_DIGITS:
        mti = digits(original, 4)
        request.original_class = class_of(<int> mti) if mti > 0 else 0
        request.original_stan = <int32_t> digits(original + 4, 6)
        at = digits(original + 10, 10)
        if request.original_stan < 0 or not 0 <= at <= DATE_MAX * TIMES_A_DATE + TIME_MAX:
            reading.fault_field = F_ORIGINAL
        else:
            request.original_at = <int32_t> at
    if text(reading, F_REPLACEMENT, replacement, sizeof(replacement)) == ORIGINAL_DIGITS:
        request.replacement_minor = digits(replacement, 12)
        if request.replacement_minor < 0:
            reading.fault_field = F_REPLACEMENT


cdef void read_times(Reading *reading, Request *request) noexcept nogil:
    cdef int64_t date = number(reading, F_LOCAL_DATE, -1)
    cdef int64_t time = number(reading, F_LOCAL_TIME, -1)
    cdef int64_t transmitted = number(reading, F_TRANSMITTED_AT, -1)
    cdef int64_t settlement = number(reading, F_SETTLEMENT_DATE, -1)
    # Beyond the last second of a year no number is a time, and it might not fit its 32 bits.
    if date > DATE_MAX:
        reading.fault_field = F_LOCAL_DATE
    elif time > TIME_MAX:
        reading.fault_field = F_LOCAL_TIME
    elif transmitted > DATE_MAX * TIMES_A_DATE + TIME_MAX:
        reading.fault_field = F_TRANSMITTED_AT
    elif settlement > DATE_MAX:
        reading.fault_field = F_SETTLEMENT_DATE
    else:
        request.local_at = (<int32_t> (date * TIMES_A_DATE + time) if date >= 0 and time >= 0
                            else -1)
        request.transmitted_at = <int32_t> transmitted
        request.settlement_at = <int32_t> settlement


cdef int read_operation(Reading *reading, Request *request) noexcept nogil:
    """What is asked for, by the profile's rows. A Reason."""
    cdef const Profile *profile = reading.profile
    cdef const OperationRow *row
    cdef int64_t code
    cdef int32_t i
    if request.message_class == CLASS_NETWORK:
        code = number(reading, F_NETWORK_CODE, -1)
        for i in range(profile.network_count):
            if profile.network_codes[i] == code:
                request.operation = profile.network_operations[i]
                return REASON_NONE
        return UNKNOWN_NETWORK_CODE
    if request.message_class == CLASS_REVERSAL or request.message_class == CLASS_REVERSAL_ADVICE:
        request.operation = REVERSAL
        return REASON_NONE
    for i in range(profile.row_count):
        row = &profile.rows[i]
        if (row.message_class == request.message_class
                and row.transaction_type == request.processing_code // 10000
                and (row.from_account < 0
                     or row.from_account == request.processing_code // 100 % 100)
                and (row.condition_code < 0 or row.condition_code == request.condition_code)):
            request.operation = row.operation
            return REASON_NONE
    return UNKNOWN_PROCESSING_CODE


cdef int32_t missing_field(const Reading *reading, const Request *request) noexcept nogil:
    """The first mandatory field that was not sent, or -1."""
    cdef uint64_t mandatory = reading.profile.mandatory[request.message_class]
    cdef int32_t field
    for field in range(FIELD_COUNT):
        if mandatory >> field & 1 and not sent(reading, field):
            if field == F_AMOUNT or field == F_CURRENCY:
                if reading.profile.without_amount >> request.operation & 1:
                    continue
            return field
    if request.message_class != CLASS_NETWORK and not request.has_card:
        return F_PAN
    if request.local_at < 0 and request.transmitted_at < 0:
        return F_LOCAL_TIME
    return -1


cdef void read_identities(Reading *reading, Request *request) noexcept nogil:
    """Terminal, merchant, RRN and authorisation code, each of a fixed width."""
    if sent(reading, F_TERMINAL):
        text(reading, F_TERMINAL, request.terminal_id, sizeof(request.terminal_id))
    if sent(reading, F_MERCHANT):
        request.merchant_sent = 1
        text(reading, F_MERCHANT, request.merchant_id, sizeof(request.merchant_id))
    if text(reading, F_RRN, request.rrn, sizeof(request.rrn)) != 12:
        request.rrn[0] = 0
    if text(reading, F_AUTHORISATION_CODE, request.authorisation_code,
            sizeof(request.authorisation_code)) != 6:
        request.authorisation_code[0] = 0


cdef bint other_acquirer(Reading *reading) noexcept nogil:
    """DE 32, when sent, must name the link's own acquirer."""
    cdef char code[16]
    cdef Py_ssize_t count = text(reading, F_ACQUIRER, code, sizeof(code))
    return count != 0 and (count != reading.profile.acquirer_code_bytes
                           or memcmp(code, reading.profile.acquirer_code, <size_t> count) != 0)


cdef int read_request(const Shard *shard, const Profile *profile, const Scan *scan,
                      const uint8_t *data, Request *request, Faults *faults) noexcept nogil:
    """Read a message whose scan found no fault. A ReadStatus.

    For READ_REFUSED the request holds what could be read, and `faults` says why.
    """
    cdef Reading reading
    cdef int status = read_class(profile, scan, data, request)
    cdef int64_t received_us = request.received_us
    reading.profile = profile
    reading.scan = scan
    reading.data = data
    reading.fault_field = -1
    faults.reason = UNKNOWN_MESSAGE_TYPE
    faults.element = 0
    faults.scan_fault = 0
    if status != READ_DONE:
        return status
    request.acquirer = profile.acquirer
    request.processing_code = <int32_t> number(&reading, F_PROCESSING_CODE, -1)
    request.amount_minor = number(&reading, F_AMOUNT, -1)
    request.stan = <int32_t> number(&reading, F_STAN, -1)
    request.condition_code = <int32_t> number(&reading, F_CONDITION_CODE, -1)
    request.currency = <int16_t> number(&reading, F_CURRENCY, -1)
    read_identities(&reading, request)
    read_times(&reading, request)
    read_card(shard, &reading, request)
    read_private(&reading, request)
    read_proofs(&reading, request)
    read_original(&reading, request)
    if reading.fault_field >= 0:
        faults.reason = FORMAT_ERROR
        faults.element = profile.element[reading.fault_field]
        return READ_REFUSED
    faults.reason = read_operation(&reading, request)
    if request.operation == KEY_EXCHANGE and shard.shard_count > 1:
        faults.reason = UNKNOWN_NETWORK_CODE    # each shard would make keys of its own
    if faults.reason == UNKNOWN_PROCESSING_CODE and request.processing_code < 0:
        faults.reason = REASON_NONE             # it is missing: say that instead
    reading.fault_field = missing_field(&reading, request)
    if reading.fault_field >= 0:
        faults.reason = MANDATORY_ELEMENT_MISSING
        faults.element = profile.element[reading.fault_field]
        return READ_REFUSED
    if faults.reason == REASON_NONE and other_acquirer(&reading):
        faults.reason = WRONG_ACQUIRER
    return READ_DONE if faults.reason == REASON_NONE else READ_REFUSED
