"""Framing for the gate: the same rules as `switch.iso8583.framing`, without objects."""

from libc.stdint cimport uint8_t

from switch._routing cimport ROUTE_BYTES

cdef enum:
    TPDU_BYTES = 5
    PREFIX_BYTES_MAX = 4 + ROUTE_BYTES      # length and envelope

cdef enum LengthForm:
    LENGTH_BINARY2 = 0
    LENGTH_ASCII4 = 1
    LENGTH_BCD2 = 2
    LENGTH_BINARY4 = 3

cdef enum FrameStatus:
    FRAME_WHOLE = 0
    FRAME_NEEDS_MORE = 1
    FRAME_LOST = 2              # nobody can say where the next frame starts

cdef struct Frame:
    const uint8_t *envelope     # what goes back in front of the reply, or NULL
    const uint8_t *body
    size_t body_bytes

cdef struct FrameForm:
    uint8_t length              # LengthForm
    uint8_t envelope_bytes      # 0, TPDU_BYTES or ROUTE_BYTES
    uint8_t includes_itself

cdef int frame_next(const FrameForm *form, const uint8_t *data, size_t bytes, size_t *at,
                    Frame *frame) noexcept nogil
cdef size_t frame_prefix(const FrameForm *form, const uint8_t *envelope, size_t body_bytes,
                         uint8_t *out) noexcept nogil
cdef int frame_form(framing, FrameForm *form) except -1
