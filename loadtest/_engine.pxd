"""The generator's loop."""

from loadtest._arrivals cimport Schedule
from loadtest._reply cimport ReplyReader
from loadtest._script cimport Script
from loadtest._sending cimport Engine as State

cdef class Engine:
    cdef State state
    cdef readonly Script script
    cdef readonly Schedule schedule
    cdef readonly ReplyReader reader
    cdef int allocate(self, int connections) except -1
