"""Messages that wait for the slow lane. See `_parking.pxd`.

The gate keeps what the fast lane cannot answer alone, the server takes the tickets and fetches what
each message needs, and the gate takes the message back under its ticket.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from switch._kept cimport kept_forget, kept_frame, kept_put
from switch._shard cimport (
    ASK_ISSUER, CARD_FIRST, ISSUER_APPROVED, ISSUER_SILENT, KEYS_FIRST, RECALL_SEQ,
    SEEK_VOUCHER,
)


cdef int parking_open(Parking *parking) noexcept nogil:
    """Take the places. 0, or -1 without memory."""
    memset(parking, 0, sizeof(Parking))
    parking.all = <Parked *> calloc(PARKED_MAX, sizeof(Parked))
    parking.fresh = <int32_t *> calloc(PARKED_MAX, sizeof(int32_t))
    return 0 if parking.all != NULL and parking.fresh != NULL else -1


cdef void parking_clear(Parking *parking) noexcept nogil:
    """Free everything."""
    cdef int i
    for i in range(PARKED_MAX if parking.all != NULL else 0):
        kept_forget(&parking.all[i].kept)
    free(parking.all)
    free(parking.fresh)
    memset(parking, 0, sizeof(Parking))


cdef bint parking_keep(Parking *parking, int32_t place, uint32_t generation, const Frame *frame,
                       uint8_t envelope_bytes, int64_t received_us, const Recall *recall,
                       const Request *request, const Decision *decision) noexcept nogil:
    """Keep a message; false when too many are kept already.

    `recall` is what was fetched for it so far, `decision` says what has to be fetched now.
    """
    cdef int32_t ticket = 0
    cdef Parked *parked
    if parking.count == PARKED_MAX:
        return False
    while parking.all[ticket].kept.body != NULL:
        ticket += 1
    parked = &parking.all[ticket]
    if not kept_put(&parked.kept, place, generation, frame, envelope_bytes, received_us):
        return False
    memset(&parked.answer, 0, sizeof(parked.answer))
    if recall.issuer != NULL:
        parked.answer = recall.issuer[0]
        if parked.answer.said == ISSUER_APPROVED:
            # Who asked is told that no row came of it, and has the bank undo it: nothing may stand.
            parked.answer.said = ISSUER_SILENT
    parked.recall = recall[0]
    parked.recall.issuer = NULL
    parked.recall.count += 1
    parked.recall_seq = 0
    parked.status = decision.status
    if decision.status == KEYS_FIRST:
        parked.recall.terminal = decision.row.terminal
    elif decision.status == ASK_ISSUER or decision.status == CARD_FIRST:
        note_card(parked, request, decision)
    elif decision.status == SEEK_VOUCHER:
        parked.plan_row = decision.plan_row
    elif decision.status == RECALL_SEQ:
        parked.recall_seq = decision.recall_seq
    else:
        parked.recall.terminal = decision.recall_terminal
        parked.recall.stan = decision.recall_stan
    parking.fresh[parking.fresh_count] = ticket
    parking.fresh_count += 1
    parking.count += 1
    return True


cdef void note_card(Parked *parked, const Request *request,
                    const Decision *decision) noexcept nogil:
    """What the slow lane is told of a card of another bank: never its number."""
    parked.recall.terminal = decision.row.terminal
    parked.plan_row = decision.plan_row
    parked.card = decision.row.card
    memcpy(parked.card_token, request.card_token, 16)
    parked.card_prefix = request.card_prefix
    parked.card_last4 = request.card_last4
    parked.stan = request.stan
    parked.at = request.local_at if request.local_at >= 0 else request.transmitted_at
    parked.processing_code = request.processing_code
    parked.operation = request.operation
    parked.amount_minor = decision.row.amount_minor


cdef void parking_give(Parking *parking, int32_t ticket, Parked *parked,
                       Frame *frame) noexcept nogil:
    """Give a message back and free its ticket; `frame` is in `parked`, which the caller forgets."""
    parked[0] = parking.all[ticket]
    memset(&parking.all[ticket], 0, sizeof(Parked))
    parking.count -= 1
    kept_frame(&parked.kept, frame)


cdef list parking_fresh(Parking *parking):
    """Give what the slow lane has to do: (ticket, what to fetch), each once."""
    cdef const Parked *parked
    found = []
    for i in range(parking.fresh_count):
        ticket = parking.fresh[i]
        parked = &parking.all[ticket]
        if parked.status == KEYS_FIRST:
            what = ("keys", parked.recall.terminal, bool(parked.recall.verdict.keys_before))
        elif parked.status == CARD_FIRST:
            what = ("card", parked.plan_row,
                    PyBytes_FromStringAndSize(<char *> parked.card_token, 16),
                    parked.card_prefix // 100, parked.card_last4)
        elif parked.status == SEEK_VOUCHER:
            what = ("voucher", parked.plan_row,
                    PyBytes_FromStringAndSize(<char *> parked.recall.verdict.voucher, 32))
        elif parked.status == ASK_ISSUER:
            what = ("issuer", parked.plan_row, parked.card, parked.operation,
                    parked.amount_minor, parked.processing_code, parked.recall.terminal,
                    parked.stan, parked.at)
        elif parked.recall_seq:
            what = ("seq", parked.recall_seq)
        else:
            what = ("key", parked.recall.terminal, parked.recall.stan)
        found.append((ticket, what))
    parking.fresh_count = 0
    return found
