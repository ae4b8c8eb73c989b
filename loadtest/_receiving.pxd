"""What comes in: replies matched to their requests, and requests that get none."""

from libc.stdint cimport int32_t

from loadtest._sending cimport Engine

cdef void receive(Engine *engine, int32_t index) noexcept nogil
cdef void give_up(Engine *engine) noexcept nogil
cdef void count_missing(Engine *engine) noexcept nogil
