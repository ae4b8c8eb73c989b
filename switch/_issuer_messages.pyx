"""Messages to and from a card's own bank. See `_issuer_messages.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

cimport cython

from switch._mapping cimport (
    F_CARD_SEQUENCE, F_CHIP_DATA, F_CONDITION_CODE, F_CURRENCY, F_ENTRY_MODE, F_EXPIRY,
    F_LOCAL_DATE, F_LOCAL_TIME, F_PAN, F_TRACK2,
)
from switch._register cimport Merchant, Terminal
from switch._shard cimport PROOF_PIN
from switch._words cimport BALANCE
from switch.iso8583._codec cimport (
    FAULT_NONE, Scan, Spec, Writer, has, read_digits, read_text, scan, write_begin, write_digits,
    write_end, write_text,
)

from collections import namedtuple

cdef enum:
    QUESTION_BYTES_MAX = 2048
    VALUE_CHARACTERS_MAX = 512
    PAN_DIGITS_MAX = 19
    SEPARATORS_FROM = 58        # behind the digits

IssuerReply = namedtuple(
    "IssuerReply", "mti sent_at stan amount_minor authorisation_code response_code balances"
                   " network_code")


@cython.final
cdef class IssuerForm:
    """How messages to one bank are written."""

    def __cinit__(self, Spec spec, str institution):
        """`institution` is our own code at the bank: DE 33, up to 11 digits."""
        encoded = institution.encode("ascii")
        assert 0 < len(encoded) <= 11
        self.spec = spec
        self.plan = spec.plan
        self.institution_count = <size_t> len(encoded)
        memcpy(self.institution, PyBytes_AS_STRING(encoded), self.institution_count)

    @property
    def institution_code(self):
        """Our own code at the bank."""
        return self.institution[:self.institution_count].decode("ascii")

    def read(self, bytes message):
        """Read a message of the bank, leaving the card's number alone; None: it is no ISO 8583."""
        cdef Scan found
        cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(message)
        if scan(self.plan, data, <size_t> len(message), &found) != FAULT_NONE:
            return None
        return IssuerReply(
            number_in(self.plan, &found, data, 0), number_in(self.plan, &found, data, 7),
            number_in(self.plan, &found, data, 11), number_in(self.plan, &found, data, 4),
            text_in(self.plan, &found, data, 38), text_in(self.plan, &found, data, 39),
            text_in(self.plan, &found, data, 54), number_in(self.plan, &found, data, 70))


cdef object number_in(const Plan *plan, const Scan *found, const uint8_t *data, int element):
    """A number, or -1."""
    text = text_in(plan, found, data, element)
    return int(text) if text.isdigit() else -1


cdef object text_in(const Plan *plan, const Scan *found, const uint8_t *data, int element):
    """An element's characters as bytes, or none."""
    cdef char characters[VALUE_CHARACTERS_MAX]
    cdef Py_ssize_t count
    if element > 0 and not has(found, element):
        return b""
    count = read_text(plan, found, data, element, characters, VALUE_CHARACTERS_MAX)
    return PyBytes_FromStringAndSize(characters, count) if count > 0 else b""


# --- writing --------------------------------------------------------------------------------------

cdef struct Question:           # what the writing functions share
    Writer writer
    Scan scan
    const Profile *profile
    const uint8_t *data
    char value[512]


cdef int pass_on(Question *question, int element, int field) noexcept nogil:
    """Write an element as the terminal sent it, if it did. 0 or -1."""
    cdef int source = question.profile.element[field]
    cdef Py_ssize_t count
    if not has(&question.scan, source):
        return 0
    count = read_text(question.profile.spec, &question.scan, question.data, source,
                      question.value, VALUE_CHARACTERS_MAX)
    if count < 0:
        return -1
    return write_text(&question.writer, element, question.value, <size_t> count)


cdef int write_number(Question *question) noexcept nogil:
    """The card's number, from its own element or track 2. 0 or -1."""
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t length
    if has(&question.scan, question.profile.element[F_PAN]):
        return pass_on(question, 2, F_PAN)
    length = read_text(question.profile.spec, &question.scan, question.data,
                       question.profile.element[F_TRACK2], question.value, VALUE_CHARACTERS_MAX)
    while count < length and count < PAN_DIGITS_MAX and question.value[count] < SEPARATORS_FROM:
        count += 1
    return write_text(&question.writer, 2, question.value, <size_t> count)


cdef Py_ssize_t write_question(Question *question, IssuerForm form, const Shard *shard,
                               const Parked *parked, int32_t stan, int32_t sent_at,
                               const char *rrn, uint8_t *out) noexcept nogil:
    """Write the elements, ascending. Bytes written, or -1."""
    cdef Writer *writer = &question.writer
    cdef const Terminal *terminal = &shard.register.terminals[parked.recall.terminal]
    cdef const Merchant *merchant = &shard.register.merchants[terminal.merchant_row]
    cdef int failed = write_begin(writer, form.plan, out, QUESTION_BYTES_MAX,
                                  b"0100" if parked.operation == BALANCE else b"0200")
    failed |= write_number(question)
    failed |= write_digits(writer, 3, <uint64_t> parked.processing_code)
    if parked.operation != BALANCE:
        failed |= write_digits(writer, 4, <uint64_t> parked.amount_minor)
    failed |= write_digits(writer, 7, <uint64_t> sent_at)
    failed |= write_digits(writer, 11, <uint64_t> stan)
    failed |= pass_on(question, 12, F_LOCAL_TIME)
    failed |= pass_on(question, 13, F_LOCAL_DATE)
    failed |= pass_on(question, 14, F_EXPIRY)
    failed |= write_digits(writer, 18, <uint64_t> merchant.category)
    failed |= pass_on(question, 22, F_ENTRY_MODE)
    failed |= pass_on(question, 23, F_CARD_SEQUENCE)
    failed |= pass_on(question, 25, F_CONDITION_CODE)
    failed |= write_text(writer, 32, <const char *> question.profile.acquirer_code,
                         <size_t> question.profile.acquirer_code_bytes)
    failed |= write_text(writer, 33, form.institution, form.institution_count)
    failed |= pass_on(question, 35, F_TRACK2)
    failed |= write_text(writer, 37, rrn, 12)
    failed |= write_text(writer, 41, terminal.terminal_id, 8)
    failed |= write_text(writer, 42, merchant.merchant_id, 15)
    failed |= pass_on(question, 49, F_CURRENCY)
    if parked.recall.verdict.right & PROOF_PIN:
        failed |= write_text(writer, 52, parked.recall.verdict.pin_block, 16)
    failed |= pass_on(question, 55, F_CHIP_DATA)
    return -1 if failed else write_end(writer)


cdef object issuer_request(IssuerForm form, const Shard *shard, const Profile *profile,
                           const Frame *frame, const Parked *parked, int32_t stan,
                           int32_t sent_at, const char *rrn):
    """Give a question's bytes, which are the caller's to overwrite; None if it cannot be written.
    """
    cdef uint8_t room[QUESTION_BYTES_MAX]
    cdef Question question
    cdef Py_ssize_t count = -1
    question.profile = profile
    question.data = frame.body
    if scan(profile.spec, frame.body, frame.body_bytes, &question.scan) == FAULT_NONE:
        count = write_question(&question, form, shard, parked, stan, sent_at, rrn, room)
    written = bytearray((<const char *> room)[:count]) if count > 0 else None
    memset(room, 0, sizeof(room))
    memset(&question, 0, sizeof(Question))
    return written
