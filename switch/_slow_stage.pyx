"""Messages that the slow lane has. See `_slow_stage.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from switch._connections cimport Connection
from switch._doors cimport Listener
from switch._hsm_stage cimport ALL_PROOFS, FRESH, UNFETCHED
from switch._issuer_messages cimport IssuerForm, issuer_request
from switch._kept cimport kept_forget, kept_frame, kept_is_wanted
from switch._parking cimport (
    PARKED_MAX, Parked, parking_clear, parking_fresh, parking_give, parking_keep, parking_open,
)
from switch._price_queue cimport queue_clear, queue_open, queue_put
from switch._routing cimport ROUTE_LISTENER
from switch._shard cimport (
    CARD_FIRST, HOST_BALANCES_MAX, KEYS_FIRST, PRICE_FIRST, SOUGHT_EVERYWHERE, SOUGHT_IN_PART,
)


cdef class SlowStage(HsmStage):
    """Keeps messages for the slow lane."""

    def __cinit__(self, *arguments, **named):
        """See `Outbox`."""
        if parking_open(&self.parking) != 0 or queue_open(&self.to_price) != 0:
            raise MemoryError

    def __dealloc__(self):
        parking_clear(&self.parking)
        queue_clear(&self.to_price)

    def take_parked(self):
        """Give what the slow lane has to do: (ticket, what to fetch), each once."""
        return parking_fresh(&self.parking)

    def resume(self, int32_t ticket):
        """Serve a parked message again, now that what it needed has been fetched."""
        self.serve_parked(ticket, True, NULL)

    def abandon(self, int32_t ticket):
        """Answer a parked message with 91: what it needs could not be had."""
        self.serve_parked(ticket, False, NULL)

    def answer(self, int32_t ticket, int said, *, int64_t asked=0, int64_t asked_s=0,
               bytes response_code=b"", bytes authorisation_code=b"", bytes balances=b""):
        """Serve a parked message again with what its card's own bank said (`IssuerSaid`)."""
        cdef IssuerAnswer answer
        memset(&answer, 0, sizeof(IssuerAnswer))
        answer.said = said
        answer.asked = asked
        answer.asked_s = asked_s
        if len(response_code) == 2:
            memcpy(answer.response_code, PyBytes_AS_STRING(response_code), 2)
        if len(authorisation_code) == 6:
            memcpy(answer.authorisation_code, PyBytes_AS_STRING(authorisation_code), 6)
        if len(balances) <= HOST_BALANCES_MAX:
            memcpy(answer.balances, PyBytes_AS_STRING(balances), len(balances))
            answer.balances_count = len(balances)
        self.serve_parked(ticket, True, &answer)

    def sought(self, int32_t ticket, bint everywhere):
        """Serve a parked message again: the other shards were asked for its voucher."""
        self.parking.all[ticket].recall.sought = (
            SOUGHT_EVERYWHERE if everywhere else SOUGHT_IN_PART)
        self.serve_parked(ticket, True, NULL)

    def write_question(self, int32_t ticket, IssuerForm form, int32_t stan, int32_t sent_at,
                       bytes rrn):
        """Give what a parked message says to its card's own bank, or None when its sender is gone.

        The bytes are the caller's to overwrite: they hold the card's number.
        """
        cdef const Parked *parked = &self.parking.all[ticket]
        cdef const Connection *connection = &self.connections.all[parked.kept.place]
        cdef const Listener *listener
        cdef Frame frame
        assert parked.kept.body != NULL and len(rrn) == 12
        if not kept_is_wanted(&parked.kept, connection):
            return None
        kept_frame(&parked.kept, &frame)
        listener = &self.listeners[
            frame.envelope[ROUTE_LISTENER] if connection.trunk else connection.listener]
        return issuer_request(form, self.shard, listener.profile, &frame, parked, stan, sent_at,
                              PyBytes_AS_STRING(rrn))

    cdef int serve_parked(self, int32_t ticket, bint fetched,
                          const IssuerAnswer *answer) except -1:
        """Serve a parked message, if its connection is still there."""
        cdef Parked parked
        cdef Frame frame
        assert self.parking.all[ticket].kept.body != NULL
        parking_give(&self.parking, ticket, &parked, &frame)
        if parked.status == KEYS_FIRST:
            parked.recall.verdict.keys_made = fetched
            parked.recall.verdict.away = 0 if fetched else ALL_PROOFS
            fetched = True              # the journal was not asked
        elif parked.status == CARD_FIRST:
            # What it has to prove is known only now: all of it is asked for at once, as ever.
            memset(&parked.recall.verdict, 0, sizeof(parked.recall.verdict))
        if answer != NULL:
            parked.answer = answer[0]
        if parked.answer.said:
            parked.recall.issuer = &parked.answer
        with nogil:
            if kept_is_wanted(&parked.kept, &self.connections.all[parked.kept.place]):
                self.connections.all[parked.kept.place].unanswered -= 1
                self.serve_frame(parked.kept.place, &frame, parked.kept.received_us,
                                 &parked.recall, FRESH if fetched else UNFETCHED)
            else:
                self.counters.undeliverable += 1
            kept_forget(&parked.kept)
            if self.postponed_count and self.parking.count < PARKED_MAX // 2:
                self.serve_postponed()
            self.flush_dirty()
        assert not self.broken, "a decision could not be journaled"
        return 0

    cdef bint park(self, int32_t place, const Frame *frame, int64_t received_us,
                   const Recall *recall) noexcept nogil:
        """Keep a message for the slow lane; false when too many are kept already."""
        cdef Connection *connection = &self.connections.all[place]
        cdef uint8_t envelope_bytes = self.listeners[connection.listener].form.envelope_bytes
        if self.work.decision.status == PRICE_FIRST:
            return queue_put(&self.to_price, connection, place, frame, envelope_bytes,
                             received_us, recall)
        if not parking_keep(&self.parking, place, connection.generation, frame, envelope_bytes,
                            received_us, recall, &self.work.request, &self.work.decision):
            return False
        connection.unanswered += 1
        return True

    cdef void serve_postponed(self) noexcept nogil:
        pass
