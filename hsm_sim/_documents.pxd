"""A document that holds PINs: written in C memory, and given out only encrypted.

Owns the text until it is enveloped (CMS EnvelopedData to one certificate), its MAC, and the HSM's
signature over what goes out. The clear text is never a Python object, never in a file, and is
overwritten when the document grows, is enveloped or forgotten. What it says is its callers'.
"""

from libc.stdint cimport uint8_t

cdef enum:
    DOCUMENT_BYTES_MAX = 67108864           # 64 MB: a million lines of 64 characters
    FIRST_BYTES = 4096

cdef class Document:
    cdef uint8_t *room
    cdef Py_ssize_t used
    cdef Py_ssize_t reserved
    cdef int grow(self, Py_ssize_t wanted) except -1
    # Write so many bytes at the end; the caller overwrites his.
    cdef int append(self, const uint8_t *data, Py_ssize_t bytes) except -1
