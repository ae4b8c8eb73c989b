"""One line for each exchange, as JSON, written without objects into a buffer."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

from switch._lane cimport Workspace
from switch._shard cimport Shard
from switch.ledger._rows cimport Buffer

cdef enum:
    LINE_BYTES_MAX = 640
    LOG_BYTES_MAX = 8388608     # lines that wait for the disk; beyond it they are counted, not kept

cdef struct LineFacts:          # what a line says, kept while the reply waits for its commit
    int64_t seq
    int64_t received_us     # monotonic
    int64_t amount_minor
    int64_t card
    int32_t terminal
    int32_t stan
    int16_t mti
    int16_t reason
    char response_code[2]
    uint8_t listener
    uint8_t repeated
    uint8_t slow
    uint16_t peer_port      # of the requester
    uint32_t peer_address

cdef void line_facts(const Workspace *work, uint8_t listener, bint journaled, bint slow,
                     int64_t received_us, LineFacts *facts) noexcept nogil
cdef int line_write(const Shard *shard, const LineFacts *facts, const char *link, int64_t now_us,
                    int64_t elapsed_us, Buffer *log) noexcept nogil
cdef int line_write_closed(const char *link, uint32_t peer_address, uint16_t peer_port,
                           const char *what, int64_t now_us, Buffer *log) noexcept nogil
