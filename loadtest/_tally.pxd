"""What a run counts, C side: counters by kind, latency buckets, faults, records."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    BUCKETS = 17408         # of an HdrHistogram 1 us to 60 s with three digits (checked in Python)
    MICROSECONDS_MAX = 60000000
    NOTES_MAX = 24
    CODES_COUNTED_MAX = 64
    RECORDS_PER_CHUNK = 65536
    RECORD_BYTES = 128

cdef enum:
    COUNT_DUE = 0
    COUNT_SENT = 1
    COUNT_ANSWERED = 2
    COUNT_APPROVED = 3
    COUNT_DECLINED = 4
    COUNT_UNAVAILABLE = 5
    COUNT_TIMED_OUT = 6
    COUNT_LATE = 7
    COUNT_REPEATED = 8
    COUNTS = 9

cdef enum:
    FAULT_CROSS_TALK = 0
    FAULT_WRONG_ECHO = 1
    FAULT_DOUBLE_REPLY = 2
    FAULT_MISSING_REPLY = 3
    FAULT_REPEAT_DIFFERS = 4
    FAULT_UNREADABLE = 5
    FAULT_UNEXPECTED = 6
    FAULT_CONNECTION_LOST = 7
    FAULTS = 8

cdef struct Note:               # one of the first faults, for people
    int32_t fault
    int32_t connection
    int64_t number              # -1: of no message
    int32_t kind
    int32_t detail              # an element, or an error number
    char code[4]

cdef struct Record:
    int64_t number
    int64_t due_us
    int64_t sent_us
    int64_t latency_us          # 0: unanswered
    int64_t second              # Unix second that its time elements show
    int64_t amount_asked
    int64_t amount_approved
    int64_t original            # -1: none
    int64_t money
    int64_t points
    int64_t points_value
    int64_t points_earned
    int64_t discount
    uint64_t digest             # of the reply's body; 0: unanswered
    uint32_t card
    uint32_t terminal
    char code[4]
    uint16_t kind
    uint8_t state
    uint8_t measured

cdef struct Histogram:
    int64_t counts[17408]
    int64_t total
    int64_t sum_us
    int64_t max_us

cdef struct CodeCount:
    char code[4]
    int64_t count

cdef struct Tally:
    int32_t kinds               # one more than the target has: the last is garbage
    int64_t *counts             # [kinds][COUNTS], of messages in the measured time
    int64_t interval[9]         # of everything, since the last look
    int64_t faults[8]
    Histogram *whole            # measured
    Histogram *recent           # everything, since the last look
    Histogram *slip             # measured
    Histogram **by_kind
    Note notes[24]
    int32_t note_count
    CodeCount codes[64]
    int32_t code_count
    uint8_t keeps_records
    Record **chunks
    int64_t chunk_count
    int64_t chunk_room
    int64_t record_count

cdef int tally_open(Tally *tally, int32_t kinds, bint keeps_records) except -1
cdef void tally_close(Tally *tally) noexcept
cdef int64_t record_take(Tally *tally) noexcept nogil
cdef void note_fault(
    Tally *tally, int fault, int32_t connection, int64_t number, int32_t kind, int32_t detail,
    const char *code) noexcept nogil
cdef void count_code(Tally *tally, const char *code) noexcept nogil

cdef inline void count(Tally *tally, int32_t kind, bint measured, int which) noexcept nogil:
    tally.interval[which] += 1
    if measured:
        tally.counts[kind * COUNTS + which] += 1

cdef inline Record *record_at(Tally *tally, int64_t index) noexcept nogil:
    return &tally.chunks[index // RECORDS_PER_CHUNK][index % RECORDS_PER_CHUNK]

cdef extern from *:
    int __builtin_clzll(unsigned long long) noexcept nogil

cdef struct Summary:            # microseconds
    int64_t total
    int64_t sum_us
    int64_t max_us
    int64_t at[4]               # p50, p90, p99, p99.9

cdef void summarise(const Histogram *histogram, Summary *out) noexcept nogil

cdef inline void histogram_add(Histogram *histogram, int64_t us) noexcept nogil:
    """HdrHistogram's buckets: 2048 of one unit, then halves of 1024 of twice the unit before."""
    cdef int64_t value = 1 if us < 1 else MICROSECONDS_MAX if us > MICROSECONDS_MAX else us
    cdef int bucket = 64 - __builtin_clzll(<unsigned long long> value | 2047) - 11
    histogram.counts[((bucket + 1) << 10) + (value >> bucket) - 1024] += 1
    histogram.total += 1
    histogram.sum_us += value
    if value > histogram.max_us:
        histogram.max_us = value
