"""PINs into documents. See `_mailers.pxd`."""

from libc.stdint cimport uint8_t

from hsm_sim._documents cimport Document
from hsm_sim._openssl cimport OPENSSL_cleanse
from hsm_sim._pins cimport Pin


def write_pin(Document document not None, Pin pin not None, bytes before not None,
              bytes after not None):
    """Write a line with a PIN, in clear, at the end of a document."""
    cdef uint8_t digits[12]
    cdef int i
    for i in range(pin.length):
        digits[i] = c"0" + pin.digits[i]
    try:
        document.write(before)
        document.append(digits, pin.length)
        document.write(after)
    finally:
        OPENSSL_cleanse(digits, sizeof(digits))
