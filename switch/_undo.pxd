"""Undoing: reversals, refunds, completions and the end of holds.

How much of an original is undone is one number, and what that undoes of each of its moves is a
function of that number alone (`undone_share`). So parts, repeats and reversals of refunds in any
order end right, and the last part takes the last unit of every move, to the lot it came from.
"""

from libc.stdint cimport int64_t

from switch._exchanges cimport Exchange
from switch._plan cimport Moment
from switch._shard cimport Decision, Request, Shard
from switch.ledger._book cimport Move
from switch.ledger._rows cimport Row

cdef int decide_reversal(Shard *shard, const Request *request, const Moment *now,
                         Decision *decision) noexcept nogil
cdef int decide_refund(Shard *shard, const Request *request, const Moment *now,
                       Decision *decision) noexcept nogil
cdef int decide_completion(Shard *shard, const Request *request, const Moment *now,
                           Decision *decision) noexcept nogil
cdef void undo_hold(Shard *shard, int64_t seq, Decision *decision) noexcept nogil
cdef int change_undone_of(Shard *shard, const Exchange *original, const Move *moves,
                          int64_t undone, Row *row) noexcept nogil
