"""Messages that wait for the slow lane, each under a ticket. Knows no socket and no journal."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from switch._frames cimport Frame
from switch._kept cimport Kept
from switch._shard cimport Decision, IssuerAnswer, Recall, Request

cdef enum:
    PARKED_MAX = 1024           # messages that wait for the slow lane
    RECALLS_MAX = 8             # its own key, its original's, that one's details and original, its
                                # card, another one's question to its bank, its own

cdef struct Parked:             # a message that the slow lane has
    Kept kept                   # nothing = free
    int64_t recall_seq          # 0 = by key
    int status                  # DecisionStatus: what it needs
    Recall recall               # with what is asked for now
    IssuerAnswer answer         # of its card's own bank, once that was asked
    int32_t plan_row            # of the card, and what follows: for that bank
    int64_t card
    uint8_t card_token[16]
    uint8_t seek[32]            # digest of the voucher's PIN that is sought
    int32_t card_prefix
    int32_t card_last4
    int32_t stan
    int32_t at
    int32_t processing_code
    uint8_t operation
    int64_t amount_minor

cdef struct Parking:
    Parked *all
    int32_t *fresh              # not yet handed to the slow lane
    int fresh_count
    int count

cdef int parking_open(Parking *parking) noexcept nogil
cdef void parking_clear(Parking *parking) noexcept nogil
cdef bint parking_keep(Parking *parking, int32_t place, uint32_t generation, const Frame *frame,
                       uint8_t envelope_bytes, int64_t received_us, const Recall *recall,
                       const Request *request, const Decision *decision) noexcept nogil
cdef void parking_give(Parking *parking, int32_t ticket, Parked *parked,
                       Frame *frame) noexcept nogil
cdef list parking_fresh(Parking *parking)
