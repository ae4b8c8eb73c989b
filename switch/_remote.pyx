"""Cards of other banks. See `_remote.pxd`."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

from switch._shard cimport (
    ASK_ISSUER, CARD_FIRST, ISSUER_APPROVED, ISSUER_REFUSED, ISSUER_SILENT, ROW_EVENT_BYTES_MAX,
    IssuerAnswer,
)
from switch._steps cimport undo_moves
from switch._words cimport (
    ISSUER_DECLINED, ISSUER_TIMEOUT, ISSUER_UNAVAILABLE, OTHER_CLUB, REASON_NONE, REVERSAL,
    UNKNOWN_CARD,
)
from switch.ledger._rows cimport Row

cdef enum:
    PREFIX_DIGITS = 8
    PAN_DIGITS_MIN = 13


cdef void note_card_number(const char *pan, Py_ssize_t count, Request *request) noexcept nogil:
    """Keep of a card's number what tells its bank, and whether it can be one (ISO/IEC 7812-1)."""
    cdef Py_ssize_t i
    cdef int digit
    cdef int total = 0
    request.card_checks = False
    if count < PAN_DIGITS_MIN:
        return
    request.card_prefix = 0
    request.card_last4 = 0
    for i in range(count):
        digit = pan[i] - 48
        if not 0 <= digit <= 9:
            return
        if i < PREFIX_DIGITS:
            request.card_prefix = request.card_prefix * 10 + digit
        if i >= count - 4:
            request.card_last4 = <unsigned short> (request.card_last4 * 10 + digit)
        if (count - i) % 2 == 0:
            digit = digit * 2 if digit < 5 else digit * 2 - 9
        total += digit
    request.card_checks = total % 10 == 0


cdef int find_remote_card(const Shard *shard, const Request *request,
                          Decision *decision) noexcept nogil:
    """A card that is not known: may it be another bank's? A Reason, or CARD_FIRST in the status."""
    cdef int32_t i
    cdef int32_t plan_row = -1
    for i in range(shard.host_count):
        if request.card_prefix // shard.hosts[i].divisor == shard.hosts[i].prefix:
            plan_row = shard.hosts[i].plan_row
    if plan_row < 0 or not request.card_checks:
        return UNKNOWN_CARD
    if shard.plans[plan_row].club_row != shard.register.merchants[decision.row.merchant].club_row:
        return OTHER_CLUB
    if request.recall.issuer != NULL:
        return ISSUER_UNAVAILABLE       # it could not be added
    decision.plan_row = plan_row
    decision.status = CARD_FIRST
    return REASON_NONE


cdef int ask_issuer(Shard *shard, const Request *request, Decision *decision) noexcept nogil:
    """Have the card's own bank agree to what was decided. A Reason, or ASK_ISSUER in the status.

    Whatever is not agreed to is undone.
    """
    cdef const IssuerAnswer *answer = request.recall.issuer
    if not shard.plans[decision.plan_row].host:
        return REASON_NONE
    if answer != NULL and answer.said == ISSUER_APPROVED:
        return REASON_NONE
    undo_moves(shard, decision)
    if answer == NULL:
        decision.status = ASK_ISSUER
        return REASON_NONE
    if answer.said == ISSUER_REFUSED:
        return ISSUER_DECLINED
    return ISSUER_TIMEOUT if answer.said == ISSUER_SILENT else ISSUER_UNAVAILABLE


cdef void take_answer(Shard *shard, const Request *request, Decision *decision) noexcept nogil:
    """Let an approval say what the bank said: its authorisation code, its balances."""
    cdef const IssuerAnswer *answer = request.recall.issuer
    if decision.plan_row < 0 or not shard.plans[decision.plan_row].host:
        return
    decision.tells_balances = answer != NULL and answer.balances_count > 0
    if answer != NULL and answer.authorisation_code[0] and decision.row.authorisation_code[0]:
        memcpy(decision.row.authorisation_code, answer.authorisation_code, 6)


cdef void write_row_event(Shard *shard, const Request *request,
                          Decision *decision) noexcept nogil:
    """Write into the row what became of a question, or that the bank has to undo something."""
    cdef const IssuerAnswer *answer = request.recall.issuer
    cdef Row *row = &decision.row
    cdef const char *outcome = b"owed"
    cdef int count = 0
    if answer != NULL and answer.asked > 0:
        if row.reason == REASON_NONE and answer.said == ISSUER_APPROVED:
            outcome = b"approved"
        elif answer.said == ISSUER_REFUSED:
            outcome = b"declined"
        count = snprintf(
            shard.row_event, ROW_EVENT_BYTES_MAX,
            b'{"type":"issuer_answered","asked":%lld,"asked_s":%lld,"programme":%d,'
            b'"amount_minor":%lld,"processing_code":%d,"terminal":%d,"outcome":"%s"}',
            <long long> answer.asked, <long long> answer.asked_s, <int> row.programme,
            <long long> row.amount_minor, <int> row.processing_code, <int> row.terminal, outcome)
    elif (decision.plan_row >= 0 and shard.plans[decision.plan_row].host
            and row.operation == REVERSAL and row.original_seq > 0 and row.approved_minor > 0):
        count = snprintf(
            shard.row_event, ROW_EVENT_BYTES_MAX,
            b'{"type":"issuer_undone","original":%lld,"amount_minor":%lld,"programme":%d,'
            b'"at_s":%lld}',
            <long long> row.original_seq, <long long> row.approved_minor, <int> row.programme,
            <long long> (row.decided_us // 1000000))
    if count > 0:
        row.event = <const uint8_t *> shard.row_event
        row.event_bytes = <size_t> count
