"""Loading a shard's state from the bytes that `_image` writes. See `_snapshot.pyx`."""

from libc.stdint cimport int64_t

from switch._core cimport Core
from switch._image cimport Head, Place

cdef class Loading:
    cdef Core core
    cdef Head head
    cdef Place places[8]        # by part, but for the exchanges
    cdef bytearray rest         # bytes that make no whole head or exchange yet
    cdef int64_t exchanges_left
    cdef bint begun
    cdef int make_room(self) except -1
    cdef int take_exchanges(self) except -1
