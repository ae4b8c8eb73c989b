"""Asking Python what a message costs. See `_pricing.pyx`."""

from libc.stdint cimport int64_t, uint8_t

from switch._plan cimport Plan, PriceDesk, Run

cdef class Pricer:
    cdef PriceDesk desk
    cdef dict functions         # bytes of its name → function
    cdef dict calls             # name → how often it was asked
    cdef dict failures          # name → how often it did not answer
    cdef list troubles          # not yet taken
    cdef set told               # kinds of trouble that were taken or wait for it
    cdef object fatal           # what is no error of a function: raised when the message is served
    cdef int ask(self, const Plan *plan, uint8_t operation, bint hold, Run *run) except? 0
    cdef int note(self, const Plan *plan, object error) except -1
    cdef int note_slow(self, const Plan *plan, int64_t elapsed_us) except -1
    cdef int tell(self, const Plan *plan, str name, str error, str text, str place) except -1
    cdef int raise_fatal(self) except -1
