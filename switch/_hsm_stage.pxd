"""The half of a gate that asks HSMs: before a message is decided, and before its reply leaves.

Owns the links, what is asked over them and what follows from an answer. Must not know what a
message has to prove (`_proofs`) nor what a command looks like (`_hsm_commands`).

Theory of operation. A message that has to prove something is kept as a question, its commands are
written into the output of the link that has least to do, and `flush_hsms` sends at the end of a
turn what the whole turn has asked, in one write. An answer names its command by its header,
however late it comes; with a question's last one its message is served again on the same path, now
with a verdict. A reply that needs a MAC is decided and journaled first and put into its
connection's output when the MAC is there. What comes on a connection meanwhile is not held up.

No HSM is no verdict: what needs one gets 91 at once, all else goes on. A link that breaks or is too
slow is dropped, and what it had is asked once more of another one.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from switch._exchange_log cimport LineFacts
from switch._frames cimport Frame
from switch._hsm_links cimport HsmLinks
from switch._mapping cimport Profile
from switch._outbox cimport Outbox
from switch._questions cimport Question, Questions
from switch._shard cimport Recall

cdef enum:
    ALL_PROOFS = 111

cdef enum Standing:             # of a message that is served
    UNFETCHED = 0               # what it needs cannot be had now: 91
    FRESH = 1
    APPROVED_ELSEWHERE = 2      # it concerns every shard, and the others have approved it

cdef class HsmStage(Outbox):
    cdef HsmLinks links
    cdef Questions questions
    cdef int64_t link_names[8]  # of the links' places: how often each was taken, times 8
    cdef bint serve_frame(self, int32_t place, const Frame *frame, int64_t received_us,
                          const Recall *recall, int standing) noexcept nogil
    cdef void prove(self, int32_t place, const Frame *frame, uint8_t envelope_bytes,
                    int64_t received_us, const Recall *recall, const Profile *profile,
                    int standing) noexcept nogil
    cdef bint ask_all(self, int32_t number, const Frame *frame, const Profile *profile,
                      int link) noexcept nogil
    cdef bint ask_one(self, int32_t number, uint8_t proof, const Frame *frame,
                      const Profile *profile, int link) noexcept nogil
    cdef bint ask_seal(self, int32_t number, int link) noexcept nogil
    cdef void hear_hsm(self, int link) noexcept nogil
    cdef bint hear_answer(self, int link, const uint8_t *frame, size_t bytes) noexcept nogil
    cdef void note_answer(self, int32_t number, uint8_t proof, const uint8_t *answer,
                          size_t bytes) noexcept nogil
    cdef void finish(self, int32_t number) noexcept nogil
    cdef void drop_reply(self, int32_t place, const Frame *frame) noexcept nogil
    # What `_shard_gate` does otherwise:
    cdef void answer_nothing(self, int32_t place, const Frame *frame) noexcept nogil
    cdef void lose_hsm(self, int link) noexcept nogil
