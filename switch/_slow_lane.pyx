"""The slow lane's half of the gate: messages whose programme is priced in Python.

Owns how many of them are served in one turn. Each goes through `Gate.serve_frame` like any other,
only with somebody at hand who can ask Python (`_pricing`). Must not know what is asked.

Theory of operation. `drain` runs without the interpreter, so what needs Python is queued there and
served here right after it, the oldest first, in one call: no task is switched for a message. A turn
is bounded, so that a slow function delays the fast lane by a turn and not by its whole queue.
"""

from libc.stdint cimport int64_t, uint64_t

from switch._fastpath cimport FRESH, Gate
from switch._frames cimport Frame
from switch._kept cimport kept_forget, kept_frame
from switch._price_queue cimport Waiting, queue_count, queue_released, queue_take
from switch._shard cimport Recall
from switch._sockets cimport monotonic_us
from switch._words cimport PRICING_SLOW_US


def price_waiting(Gate gate, int64_t turn_us_max):
    """Serve what waits to be priced, for about so long: (how many were served, how many wait)."""
    cdef Waiting waiting
    cdef int64_t began_us = monotonic_us()
    cdef int64_t at_us = began_us
    cdef uint64_t first = gate.to_price.first
    while at_us - began_us < turn_us_max and queue_take(&gate.to_price, &waiting):
        at_us = serve_one(gate, &waiting, at_us)
        kept_forget(&waiting.kept)
        assert not gate.broken, "a decision could not be journaled"
        gate.pricer.raise_fatal()
    gate.pricing_us += at_us - began_us
    gate.flush_dirty()
    return gate.to_price.first - first, queue_count(&gate.to_price)


cdef int64_t serve_one(Gate gate, Waiting *waiting, int64_t before_us) except -1:
    """Serve a message, if its connection is still there; gives the time after it."""
    cdef Frame frame
    cdef Recall recall = waiting.recall
    cdef int64_t after_us
    if not queue_released(waiting, &gate.connections.all[waiting.kept.place]):
        gate.counters.undeliverable += 1
        return before_us
    kept_frame(&waiting.kept, &frame)
    recall.desk = &gate.pricer.desk
    gate.serve_frame(waiting.kept.place, &frame, waiting.kept.received_us, &recall, FRESH)
    after_us = monotonic_us()
    if after_us - before_us > PRICING_SLOW_US and gate.work.decision.plan_row >= 0:
        gate.pricer.note_slow(&gate.shard.plans[gate.work.decision.plan_row],
                              after_us - before_us)
    return after_us
