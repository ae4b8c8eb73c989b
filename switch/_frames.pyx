"""Framing for the gate. See `_frames.pxd`."""

from libc.string cimport memcpy

from switch._routing cimport ROUTE_ID
from switch._words cimport FRAME_BYTES_MAX

cdef enum:
    TPDU_ID = 0x60


cdef inline size_t length_bytes(const FrameForm *form) noexcept nogil:
    return 4 if form.length == LENGTH_ASCII4 or form.length == LENGTH_BINARY4 else 2


cdef inline uint8_t envelope_id(const FrameForm *form) noexcept nogil:
    return TPDU_ID if form.envelope_bytes == TPDU_BYTES else ROUTE_ID


cdef long long length_value(const FrameForm *form, const uint8_t *data) noexcept nogil:
    """The number in a length field, or -1 when it is none."""
    cdef long long value = 0
    cdef int i
    if form.length == LENGTH_BINARY2:
        return data[0] << 8 | data[1]
    if form.length == LENGTH_BINARY4:
        return -1 if data[2] or data[3] else data[0] << 8 | data[1]
    if form.length == LENGTH_ASCII4:
        for i in range(4):
            if not 48 <= data[i] <= 57:
                return -1
            value = value * 10 + data[i] - 48
        return value
    for i in range(2):
        if data[i] >> 4 > 9 or data[i] & 15 > 9:
            return -1
        value = value * 100 + (data[i] >> 4) * 10 + (data[i] & 15)
    return value


cdef int frame_next(const FrameForm *form, const uint8_t *data, size_t bytes, size_t *at,
                    Frame *frame) noexcept nogil:
    """Find the frame at `at[0]`, move behind it. A FrameStatus; what cannot be is found at once."""
    cdef size_t prefix = length_bytes(form)
    cdef size_t envelope = form.envelope_bytes
    cdef long long value
    if bytes - at[0] < prefix:
        return FRAME_NEEDS_MORE
    value = length_value(form, data + at[0])
    if form.includes_itself:
        value -= <long long> prefix
    if value <= <long long> envelope or value > <long long> (FRAME_BYTES_MAX + envelope):
        return FRAME_LOST
    if envelope and bytes - at[0] > prefix and data[at[0] + prefix] != envelope_id(form):
        return FRAME_LOST
    if bytes - at[0] < prefix + <size_t> value:
        return FRAME_NEEDS_MORE
    frame.envelope = NULL
    frame.body = data + at[0] + prefix + envelope
    frame.body_bytes = <size_t> value - envelope
    if envelope:
        frame.envelope = data + at[0] + prefix
    at[0] += prefix + <size_t> value
    return FRAME_WHOLE


cdef size_t frame_prefix(const FrameForm *form, const uint8_t *envelope, size_t body_bytes,
                         uint8_t *out) noexcept nogil:
    """Write what stands before a reply: length, and the request's envelope; how many bytes.

    A TPDU is turned round, a routing header goes back as it came.
    """
    cdef size_t prefix = length_bytes(form)
    cdef size_t value = body_bytes + form.envelope_bytes
    cdef int i
    if form.includes_itself:
        value += prefix
    if form.length == LENGTH_ASCII4:
        for i in range(3, -1, -1):
            out[i] = <uint8_t> (48 + value % 10)
            value = value // 10
    elif form.length == LENGTH_BCD2:
        out[1] = <uint8_t> (value // 10 % 10 << 4 | value % 10)
        out[0] = <uint8_t> (value // 1000 % 10 << 4 | value // 100 % 10)
    else:
        out[0] = <uint8_t> (value >> 8)
        out[1] = <uint8_t> value
        if form.length == LENGTH_BINARY4:
            out[2] = out[3] = 0
    if form.envelope_bytes == TPDU_BYTES:
        out[prefix] = envelope[0]
        memcpy(out + prefix + 1, envelope + 3, 2)
        memcpy(out + prefix + 3, envelope + 1, 2)
    elif form.envelope_bytes:
        memcpy(out + prefix, envelope, form.envelope_bytes)
    return prefix + form.envelope_bytes


LENGTH_FORMS = {"binary2": LENGTH_BINARY2, "ascii4": LENGTH_ASCII4, "bcd2": LENGTH_BCD2,
                "binary4": LENGTH_BINARY4}


cdef int frame_form(framing, FrameForm *form) except -1:
    """Take over a `switch.iso8583.framing.Framing`."""
    form.length = LENGTH_FORMS[framing.length]
    form.envelope_bytes = TPDU_BYTES if framing.tpdu else 0
    form.includes_itself = framing.length_includes_itself
    return 0
