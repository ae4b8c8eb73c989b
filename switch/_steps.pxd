"""The steps that a decision is made of; see `_steps.pyx`. Used by `_decide` and `_undo` only."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from switch._plan cimport Moment
from switch._shard cimport Decision, Request, Shard

cdef void undo_moves(Shard *shard, Decision *decision) noexcept nogil
cdef void refuse(Decision *decision, int reason) noexcept nogil
cdef void begin(Shard *shard, const Request *request, const Moment *now,
                Decision *decision) noexcept nogil
cdef int check_terminal(Shard *shard, const Request *request, Decision *decision) noexcept nogil
cdef int check_rights(Shard *shard, const Request *request, Decision *decision) noexcept nogil
cdef int check_repeated(Shard *shard, const Request *request, const Moment *now,
                        Decision *decision) noexcept nogil
cdef int check_clock(Shard *shard, const Request *request, const Moment *now) noexcept nogil
cdef int find_the_card(Shard *shard, const Request *request, Decision *decision) noexcept nogil
cdef int check_card(Shard *shard, const Request *request, const Moment *now,
                    Decision *decision) noexcept nogil
cdef int check_amount(Shard *shard, const Request *request, Decision *decision) noexcept nogil
cdef int ask_journal(Decision *decision, int32_t terminal, int32_t stan) noexcept nogil
cdef int run_plan(Shard *shard, const Request *request, const Moment *now, uint8_t operation,
                  int64_t points_limit, uint32_t held_s, Decision *decision) noexcept nogil
