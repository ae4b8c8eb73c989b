"""What a run counts, C side. Owns the memory of counters, histograms, records; judges nothing."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset


cdef int tally_open(Tally *tally, int32_t kinds, bint keeps_records) except -1:
    cdef int32_t i
    memset(tally, 0, sizeof(Tally))
    tally.kinds = kinds
    tally.keeps_records = keeps_records
    tally.counts = <int64_t *> calloc(kinds * COUNTS, sizeof(int64_t))
    tally.whole = <Histogram *> calloc(1, sizeof(Histogram))
    tally.recent = <Histogram *> calloc(1, sizeof(Histogram))
    tally.slip = <Histogram *> calloc(1, sizeof(Histogram))
    tally.by_kind = <Histogram **> calloc(kinds, sizeof(Histogram *))
    if (tally.counts == NULL or tally.whole == NULL or tally.recent == NULL
            or tally.slip == NULL or tally.by_kind == NULL):
        raise MemoryError
    for i in range(kinds):
        tally.by_kind[i] = <Histogram *> calloc(1, sizeof(Histogram))
        if tally.by_kind[i] == NULL:
            raise MemoryError
    return 0


cdef void tally_close(Tally *tally) noexcept:
    cdef int64_t i
    for i in range(tally.chunk_count):
        free(tally.chunks[i])
    if tally.by_kind != NULL:
        for i in range(tally.kinds):
            free(tally.by_kind[i])
    free(tally.chunks)
    free(tally.by_kind)
    free(tally.counts)
    free(tally.whole)
    free(tally.recent)
    free(tally.slip)


cdef int64_t record_take(Tally *tally) noexcept nogil:
    """A new record, all zeros; -1 when none are kept or memory is out (then none are any more)."""
    cdef Record **chunks
    cdef int64_t index = tally.record_count
    if not tally.keeps_records:
        return -1
    if index == tally.chunk_count * RECORDS_PER_CHUNK:
        if tally.chunk_count == tally.chunk_room:
            chunks = <Record **> realloc(
                tally.chunks, (tally.chunk_room * 2 + 16) * sizeof(Record *))
            if chunks == NULL:
                tally.keeps_records = 0
                return -1
            tally.chunks = chunks
            tally.chunk_room = tally.chunk_room * 2 + 16
        tally.chunks[tally.chunk_count] = <Record *> malloc(RECORDS_PER_CHUNK * sizeof(Record))
        if tally.chunks[tally.chunk_count] == NULL:
            tally.keeps_records = 0
            return -1
        tally.chunk_count += 1
    tally.record_count += 1
    memset(record_at(tally, index), 0, sizeof(Record))
    return index


cdef void note_fault(
    Tally *tally, int fault, int32_t connection, int64_t number, int32_t kind, int32_t detail,
    const char *code
) noexcept nogil:
    """Count a fault; the first few of each sort are kept for people."""
    cdef Note *note
    tally.faults[fault] += 1
    if tally.note_count == NOTES_MAX or tally.faults[fault] > 3:
        return
    note = &tally.notes[tally.note_count]
    tally.note_count += 1
    note.fault = fault
    note.connection = connection
    note.number = number
    note.kind = kind
    note.detail = detail
    memset(note.code, 0, 4)
    if code != NULL:
        memcpy(note.code, code, 4)


cdef void count_code(Tally *tally, const char *code) noexcept nogil:
    """Count a declined message's response code; beyond 64 different ones none is new."""
    cdef int32_t i
    for i in range(tally.code_count):
        if memcmp(tally.codes[i].code, code, 4) == 0:
            tally.codes[i].count += 1
            return
    if tally.code_count < CODES_COUNTED_MAX:
        memcpy(tally.codes[tally.code_count].code, code, 4)
        tally.codes[tally.code_count].count = 1
        tally.code_count += 1


cdef void summarise(const Histogram *histogram, Summary *out) noexcept nogil:
    """Percentiles in one walk: the largest value of the bucket that holds the wanted rank."""
    cdef double shares[4]
    cdef int64_t seen = 0
    cdef int64_t bucket
    cdef int i
    cdef int found = 0
    shares[:] = [0.5, 0.9, 0.99, 0.999]
    memset(out, 0, sizeof(Summary))
    out.total = histogram.total
    out.sum_us = histogram.sum_us
    out.max_us = histogram.max_us
    if histogram.total == 0:
        return
    for i in range(BUCKETS):
        seen += histogram.counts[i]
        while found < 4 and seen > 0 and (
                seen >= max(1, <int64_t> (histogram.total * shares[found] + 0.5))):
            bucket = max(0, (i >> 10) - 1)
            out.at[found] = min(histogram.max_us, ((i - (bucket << 10) + 1) << bucket) - 1)
            found += 1
        if found == 4:
            return
