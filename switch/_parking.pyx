"""Messages that wait for the slow lane. See `_parking.pxd`.

The gate keeps what the fast lane cannot answer alone, the server takes the tickets and fetches what
each message needs, and the gate takes the message back under its ticket.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memset

from switch._kept cimport kept_forget, kept_frame, kept_put
from switch._shard cimport KEYS_FIRST, RECALL_SEQ


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
                       const Decision *decision) noexcept nogil:
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
    parked.recall = recall[0]
    parked.recall.count += 1
    parked.recall_seq = 0
    parked.needs_keys = decision.status == KEYS_FIRST
    if parked.needs_keys:
        parked.recall.terminal = decision.row.terminal
    elif decision.status == RECALL_SEQ:
        parked.recall_seq = decision.recall_seq
    else:
        parked.recall.terminal = decision.recall_terminal
        parked.recall.stan = decision.recall_stan
    parking.fresh[parking.fresh_count] = ticket
    parking.fresh_count += 1
    parking.count += 1
    return True


cdef void parking_give(Parking *parking, int32_t ticket, Parked *parked,
                       Frame *frame) noexcept nogil:
    """Give a message back and free its ticket; `frame` is in `parked`, which the caller forgets."""
    parked[0] = parking.all[ticket]
    parking.all[ticket].kept.body = NULL
    parking.count -= 1
    kept_frame(&parked.kept, frame)


cdef list parking_fresh(Parking *parking):
    """Give what the slow lane has to do: (ticket, what to fetch), each once."""
    cdef const Parked *parked
    found = []
    for i in range(parking.fresh_count):
        ticket = parking.fresh[i]
        parked = &parking.all[ticket]
        if parked.needs_keys:
            what = ("keys", parked.recall.terminal, bool(parked.recall.verdict.keys_before))
        elif parked.recall_seq:
            what = ("seq", parked.recall_seq)
        else:
            what = ("key", parked.recall.terminal, parked.recall.stan)
        found.append((ticket, what))
    parking.fresh_count = 0
    return found
