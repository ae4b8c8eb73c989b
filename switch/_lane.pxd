"""The fast lane: the bytes of one message in, the bytes of its reply out, in one step.

Everything that answers goes through `serve`: the gate's connections, the slow lane when it comes
back, and tests. Owns a workspace so that nothing is allocated for a message.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from switch._keyring cimport TerminalKeys
from switch._mapping cimport Faults, Profile
from switch._plan cimport Moment
from switch._pressure cimport Pressure
from switch._shard cimport Decision, IssuerAnswer, Recall, Request, Shard
from switch.iso8583._codec cimport Scan

cdef enum ServeStatus:
    SERVED_AT_SEQ = 0       # the reply may leave when row `seq` is durable
    SERVED_NOW = 1          # the reply stands for nothing that could be lost
    SERVED_IGNORED = 2      # there is no reply
    SERVED_HOPELESS = 3     # close the connection
    SERVED_LATER = 4        # the slow lane has to recall something first
    SERVED_BROKEN = 5       # a mistake of ours: the process must end
    SERVED_STALE = 6        # its requester waits no more: dropped
    SERVED_NO_ROOM = 7      # it has to happen, and there is no room: serve it again later
    SERVED_ELSEWHERE = 8    # by the shard `owner`, or by every shard; nothing was done here
    SERVED_UNKNOWN = 9      # perhaps decided before, and the journal cannot be asked: no answer

cdef struct Workspace:
    Scan scan
    Request request
    Decision decision
    Faults faults
    uint8_t reply_room[1024]
    const uint8_t *reply    # in `reply_room` or in the ring of details
    size_t reply_bytes
    int64_t seq
    int reason
    const TerminalKeys *seal    # the reply needs a MAC under these keys; NULL = none
    bint repeated
    bint settled_here       # set by the caller: other shards have had, or have sent, this message
    int32_t owner           # of a message that is served elsewhere: a shard or EVERY_SHARD

cdef int serve(Shard *shard, const Profile *profile, const uint8_t *data, size_t bytes,
               const Moment *now, const Pressure *pressure, const Recall *recall,
               Workspace *work) noexcept nogil

cdef class Lane:
    cdef object core                # keeps the shard alive
    cdef Shard *shard
    cdef object spec                # keeps the plan of the codec alive
    cdef Profile profile
    cdef Workspace work
    cdef Recall recall              # what was done for the message that was answered last
    cdef IssuerAnswer answer_of_issuer
    cdef readonly str name
    cdef readonly object framing
    cdef object needs(self)
    cdef int lay_out_replies(self, profile) except -1
