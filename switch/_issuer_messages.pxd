"""What a card's own bank is asked, and what it answers, as ISO 8583 messages.

Owns the layout of docs/issuers.md as far as a card's number is in it: what holds none is written by
`switch.issuer_link`. The number goes from the terminal's message into the bank's without becoming a
Python text. Must not know when a bank is asked, nor sockets.
"""

from libc.stdint cimport int32_t

from switch._frames cimport Frame
from switch._mapping cimport Profile
from switch._parking cimport Parked
from switch._shard cimport Shard
from switch.iso8583._codec cimport Plan

cdef class IssuerForm:
    cdef object spec                # keeps the plan of the codec alive
    cdef const Plan *plan
    cdef char institution[11]       # our own code at the bank, DE 33
    cdef size_t institution_count

cdef object issuer_request(IssuerForm form, const Shard *shard, const Profile *profile,
                           const Frame *frame, const Parked *parked, int32_t stan,
                           int32_t sent_at, const char *rrn)
