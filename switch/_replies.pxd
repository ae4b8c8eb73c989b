"""From a `Decision` to the bytes of its reply, by the tables of a profile.

Must not know why anything was decided, nor what a request looked like beyond what is echoed.
"""

from libc.stdint cimport uint8_t

from switch._mapping cimport Faults, Profile
from switch._shard cimport Decision, Request, Shard
from switch.iso8583._codec cimport Scan

cdef Py_ssize_t write_reply(const Shard *shard, const Profile *profile, const Scan *scan,
                            const uint8_t *data, const Request *request,
                            const Decision *decision, const Faults *faults, bint sealed,
                            uint8_t *out, size_t out_bytes) noexcept nogil
