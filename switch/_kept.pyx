"""A message that is kept. See `_kept.pxd`."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset


cdef bint kept_put(Kept *kept, int32_t place, uint32_t generation, const Frame *frame,
                   uint8_t envelope_bytes, int64_t received_us) noexcept nogil:
    """Copy a message; False without memory, and then nothing is kept."""
    kept.body = <uint8_t *> malloc(frame.body_bytes)
    if kept.body == NULL:
        return False
    memcpy(kept.body, frame.body, frame.body_bytes)
    kept.body_bytes = frame.body_bytes
    kept.envelope_bytes = envelope_bytes
    if envelope_bytes:
        memcpy(kept.envelope, frame.envelope, envelope_bytes)
    kept.place = place
    kept.generation = generation
    kept.received_us = received_us
    return True


cdef void kept_frame(const Kept *kept, Frame *frame) noexcept nogil:
    """Give a message as the frame that it was; it stays in `kept`."""
    frame.envelope = kept.envelope if kept.envelope_bytes else NULL
    frame.body = kept.body
    frame.body_bytes = kept.body_bytes


cdef void kept_forget(Kept *kept) noexcept nogil:
    """Overwrite and free it: it may hold a track and a PIN block."""
    if kept.body != NULL:
        memset(kept.body, 0, kept.body_bytes)
        free(kept.body)
        kept.body = NULL
