"""Packs rows of equal records and unpacks them. See `_packing.pxd`.

Owns the form of a packed row. Must not know what a record says. Packing happens without the
interpreter and without memory of its own: it runs in a fork of a process with many threads.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

cdef uint8_t NOTHING[160]       # zeroes: what stands before a row's first records


class PackingBroken(ValueError):
    """These bytes are no packed row; the text says why."""


cdef void packer_open(Packer *packer, uint8_t *data, size_t capacity) noexcept nogil:
    """Write rows into `data` from its beginning."""
    memset(packer, 0, sizeof(Packer))
    packer.data = data
    packer.capacity = capacity


cdef void packer_begin(Packer *packer, uint32_t part, uint32_t record_bytes,
                       uint32_t distance) noexcept nogil:
    """Begin a part; it has one row at least, however few records come."""
    packer.part = part
    packer.record_bytes = record_bytes
    packer.distance = distance
    begin_row(packer)


cdef void begin_row(Packer *packer) noexcept nogil:
    packer.at = packer.end + sizeof(RowHead) + sizeof(PackedHead)
    packer.raw_bytes = 0
    packer.turn = 0
    memset(packer.before, 0, sizeof(packer.before))
    if packer.at + 8 > packer.capacity:     # with its padding
        packer.full = True


cdef void packer_end(Packer *packer) noexcept nogil:
    """End the part."""
    cdef RowHead row
    cdef PackedHead head
    if packer.full:
        return
    row.part = packer.part
    row.body_bytes = <uint32_t> (packer.at - packer.end - sizeof(RowHead))
    head.raw_bytes = packer.raw_bytes
    head.record_bytes = <uint16_t> packer.record_bytes
    head.distance = <uint16_t> packer.distance
    memcpy(packer.data + packer.end, &row, sizeof(RowHead))
    memcpy(packer.data + packer.end + sizeof(RowHead), &head, sizeof(PackedHead))
    packer.end = (packer.at + 7) & ~<size_t> 7


cdef void packer_put(Packer *packer, const void *record) noexcept nogil:
    """Add a record to the part."""
    cdef uint32_t record_bytes = packer.record_bytes
    if packer.raw_bytes + record_bytes > PIECE_BYTES:
        packer_end(packer)
        begin_row(packer)
    if packer.full or packer.at + record_bytes + (record_bytes + 7) // 8 + 8 > packer.capacity:
        packer.full = True
        return
    packer.at += pack_record(packer.data + packer.at, <const uint8_t *> record,
                             packer.before[packer.turn], record_bytes)
    memcpy(packer.before[packer.turn], record, record_bytes)
    packer.turn = packer.turn + 1 if packer.turn + 1 < packer.distance else 0
    packer.raw_bytes += record_bytes


cdef inline size_t pack_record(uint8_t *out, const uint8_t *record, const uint8_t *before,
                               uint32_t record_bytes) noexcept nogil:
    """Write the mask of the bytes that differ and those bytes; gives how many were written."""
    cdef uint32_t word_count = record_bytes // 8
    cdef uint32_t word, i
    cdef uint64_t one, other, difference
    cdef uint8_t mask
    cdef uint8_t *at = out + (record_bytes + 7) // 8
    for word in range(word_count):
        memcpy(&one, record + 8 * word, 8)
        memcpy(&other, before + 8 * word, 8)
        difference = one ^ other
        mask = 0
        if difference != 0:
            for i in range(8):          # without a branch: written, and kept only if it is not 0
                at[0] = <uint8_t> (difference >> 8 * i)
                mask |= <uint8_t> ((at[0] != 0) << i)
                at += at[0] != 0
        out[word] = mask
    if record_bytes % 8:
        mask = 0
        for i in range(record_bytes % 8):
            at[0] = record[8 * word_count + i] ^ before[8 * word_count + i]
            mask |= <uint8_t> ((at[0] != 0) << i)
            at += at[0] != 0
        out[word_count] = mask
    return <size_t> (at - out)


cdef size_t packed_bytes_max(size_t count, size_t record_bytes) noexcept nogil:
    """Give how much memory a part of that many records can take, however they differ."""
    cdef size_t rows = count * record_bytes // (PIECE_BYTES - RECORD_BYTES_MAX) + 1
    return (count * (record_bytes + (record_bytes + 7) // 8)
            + rows * (sizeof(RowHead) + sizeof(PackedHead) + 8) + 8)


def pack(bytes raw, int record_bytes, int distance):
    """Give one packed row. See `_packing.pyi`."""
    cdef PackedHead head
    cdef const uint8_t *data = <const uint8_t *> PyBytes_AS_STRING(raw)
    cdef size_t size = <size_t> len(raw)
    cdef size_t at = 0
    cdef uint8_t out[160 + 32]
    cdef const uint8_t *before
    cdef size_t count
    assert size <= PIECE_BYTES and 0 <= record_bytes <= RECORD_BYTES_MAX
    head.raw_bytes = <uint32_t> size
    head.record_bytes = <uint16_t> record_bytes
    head.distance = <uint16_t> distance
    packed = bytearray(PyBytes_FromStringAndSize(<char *> &head, sizeof(PackedHead)))
    if record_bytes == 0:
        return bytes(packed) + raw
    assert 1 <= distance <= DISTANCE_MAX and size % <size_t> record_bytes == 0
    while at < size:
        before = NOTHING
        if at >= <size_t> (distance * record_bytes):
            before = data + at - <size_t> (distance * record_bytes)
        count = pack_record(out, data + at, before, <uint32_t> record_bytes)
        packed += out[:count]
        at += <size_t> record_bytes
    return bytes(packed)


def unpack(const uint8_t[::1] packed not None):
    """Give the records of a packed row. See `_packing.pyi`."""
    cdef PackedHead head
    cdef size_t size = <size_t> packed.shape[0]
    cdef bytes raw
    cdef bint good
    if size < sizeof(PackedHead):
        raise PackingBroken("a row without a head")
    memcpy(&head, &packed[0], sizeof(PackedHead))
    if head.raw_bytes > PIECE_BYTES:
        raise PackingBroken("a row that is too long")
    if head.record_bytes == 0:
        if size - sizeof(PackedHead) != head.raw_bytes:
            raise PackingBroken("a row of another length than it says")
        return bytes(packed[<Py_ssize_t> sizeof(PackedHead):])
    if (head.record_bytes > RECORD_BYTES_MAX or not 1 <= head.distance <= DISTANCE_MAX
            or head.raw_bytes % head.record_bytes):
        raise PackingBroken("a row whose head cannot be")
    raw = PyBytes_FromStringAndSize(NULL, <Py_ssize_t> head.raw_bytes)
    if head.raw_bytes == 0:
        good = size == sizeof(PackedHead)
    else:
        good = unpack_records(&packed[0], size, &head, <uint8_t *> PyBytes_AS_STRING(raw))
    if not good:
        raise PackingBroken("a row that ends too early or too late")
    return raw


cdef bint unpack_records(const uint8_t *packed, size_t size, const PackedHead *head,
                         uint8_t *raw) noexcept nogil:
    """Undo `pack_record` for each record; false when the bytes are not exactly enough."""
    cdef size_t record_bytes = head.record_bytes
    cdef size_t mask_bytes = (record_bytes + 7) // 8
    cdef size_t back = head.distance * record_bytes
    cdef size_t at = sizeof(PackedHead)
    cdef size_t done = 0
    cdef size_t i
    cdef const uint8_t *masks
    cdef const uint8_t *before
    while done < head.raw_bytes:
        if size - at < mask_bytes:
            return False
        masks = packed + at
        at += mask_bytes
        before = NOTHING
        if done >= back:
            before = raw + done - back
        for i in range(record_bytes):
            if masks[i >> 3] == 0 or not masks[i >> 3] >> (i & 7) & 1:
                raw[done + i] = before[i]
                continue
            if at == size:
                return False
            raw[done + i] = before[i] ^ packed[at]
            at += 1
        done += record_bytes
    return at == size
