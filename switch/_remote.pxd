"""Cards of other banks: known by how their numbers begin, decided by their own bank.

Owns when that bank has to be asked, what its answer makes of a decision, and the event that goes
into the row with it. Must not know how it is asked: that is the slow lane's (`switch.issuer_desk`).

Theory of operation. A message of such a card goes the common way. When everything that is checked
here holds, it is left undone with ASK_ISSUER; the slow lane asks and serves it again with an
answer, and all is checked again. Whatever row comes of it says in its `event` column what became of
the question, so the journal alone says what the bank has to be told.
"""

from libc.stdint cimport uint8_t

from switch._shard cimport Decision, Request, Shard

cdef void note_card_number(const char *pan, Py_ssize_t count, Request *request) noexcept nogil
cdef int find_remote_card(const Shard *shard, const Request *request,
                          Decision *decision) noexcept nogil
cdef int ask_issuer(Shard *shard, const Request *request, Decision *decision) noexcept nogil
cdef void take_answer(Shard *shard, const Request *request, Decision *decision) noexcept nogil
cdef void write_row_event(Shard *shard, const Request *request, Decision *decision) noexcept nogil
