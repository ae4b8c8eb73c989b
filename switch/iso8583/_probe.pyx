"""Python handles on the C face, for tests and benchmarks: the fast lane has no other witness.

Nothing of the switch imports this. Each handle does what the fast lane does with a message, with no
Python object in between.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t

from switch.iso8583._codec cimport (
    ELEMENT_MAX, FAULT_BITMAP, FAULT_CONTENT, FAULT_LENGTH, FAULT_MTI, FAULT_NESTED, FAULT_NONE,
    FAULT_ORDER, FAULT_PADDING, FAULT_SPACE, FAULT_TRAILING, FAULT_TRUNCATED,
    FAULT_UNKNOWN_ELEMENT, Scan, Spec, Writer, has, next_tlv, read_digits, read_text, scan,
    write_begin, write_bytes, write_copy, write_digits, write_end, write_text)

cdef enum:
    ROOM_BYTES = 4096
    ECHOED_COUNT = 13

cdef int ECHOED[ECHOED_COUNT]
ECHOED[:] = [2, 3, 4, 7, 11, 12, 13, 25, 32, 37, 41, 42, 49]

FAULTS = {
    "none": FAULT_NONE,
    "truncated": FAULT_TRUNCATED,
    "trailing": FAULT_TRAILING,
    "length": FAULT_LENGTH,
    "content": FAULT_CONTENT,
    "unknown element": FAULT_UNKNOWN_ELEMENT,
    "bitmap": FAULT_BITMAP,
    "mti": FAULT_MTI,
    "padding": FAULT_PADDING,
    "nested": FAULT_NESTED,
    "order": FAULT_ORDER,
    "space": FAULT_SPACE,
}


def scan_times(bytes data not None, Spec spec not None, int64_t times):
    """Scan the same message `times` times; how often it was whole."""
    cdef const uint8_t *start = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef size_t size = PyBytes_GET_SIZE(data)
    cdef int64_t whole = 0
    cdef int64_t i
    cdef Scan found
    with nogil:
        for i in range(times):
            whole += scan(spec.plan, start, size, &found) == FAULT_NONE
    return whole


def answer_times(bytes data not None, Spec spec not None, int64_t times):
    """Scan a message and write its approval, `times` times; the last answer.

    The answer echoes what is in a 0210 of docs/pos-interface.md and adds a response code.
    """
    cdef const uint8_t *start = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef size_t size = PyBytes_GET_SIZE(data)
    cdef uint8_t out[ROOM_BYTES]
    cdef Py_ssize_t answer = -1
    cdef int64_t i
    cdef int j
    cdef Scan found
    cdef Writer w
    with nogil:
        for i in range(times):
            if scan(spec.plan, start, size, &found) != FAULT_NONE:
                break
            write_begin(&w, spec.plan, out, sizeof(out), b"0210")
            for j in range(ECHOED_COUNT):
                if ECHOED[j] == 41:
                    write_text(&w, 39, b"00", 2)
                if has(&found, ECHOED[j]):
                    write_copy(&w, ECHOED[j], &found, start)
            answer = write_end(&w)
    if answer < 0:
        raise ValueError("the answer could not be written")
    return out[:answer]


def read(bytes data not None, Spec spec not None, size_t room_bytes=ROOM_BYTES):
    """Scan and read: element number (0: MTI) to (text or None, digits or None, count)."""
    cdef const uint8_t *start = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef char text[ROOM_BYTES]
    cdef uint64_t number
    cdef Py_ssize_t count
    cdef Scan found
    cdef int element
    assert room_bytes <= ROOM_BYTES
    if scan(spec.plan, start, PyBytes_GET_SIZE(data), &found) != FAULT_NONE:
        raise ValueError("not a whole message")
    result = {}
    for element in range(ELEMENT_MAX + 1):
        number = 0
        count = read_text(spec.plan, &found, start, element, text, room_bytes)
        is_number = read_digits(spec.plan, &found, start, element, &number) == 0
        if has(&found, element):
            result[element] = (
                text[:count].decode("ascii") if count >= 0 else None,
                number if is_number else None,
                found.elements[element].count,
            )
        else:
            assert count == -1 and not is_number, "an absent element was read"
    return result


def write(
    Spec spec not None, bytes mti not None, list steps not None, size_t room_bytes=ROOM_BYTES
):
    """Write a message in steps of (element, value): int, str, bytes, or (message,) to copy from.

    The bytes, or (fault, element) of the first refusal.
    """
    cdef uint8_t out[ROOM_BYTES]
    cdef Scan found
    cdef Writer w
    cdef Py_ssize_t size
    assert room_bytes <= ROOM_BYTES and len(mti) == 4
    write_begin(&w, spec.plan, out, room_bytes, <const char *>PyBytes_AS_STRING(mti))
    for element, value in steps:
        if isinstance(value, int):
            write_digits(&w, element, value)
        elif isinstance(value, str):
            text = value.encode("latin-1")
            write_text(&w, element, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
        elif isinstance(value, bytes):
            write_bytes(
                &w, element, <const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        else:
            copied = <bytes>value[0]
            if scan(spec.plan, <const uint8_t *>PyBytes_AS_STRING(copied),
                    PyBytes_GET_SIZE(copied), &found) != FAULT_NONE:
                raise ValueError("not a whole message")
            write_copy(&w, element, &found, <const uint8_t *>PyBytes_AS_STRING(copied))
    size = write_end(&w)
    return out[:size] if size >= 0 else (w.fault, w.last_element)


def tlvs(bytes text not None):
    """Walk the private TLV of an ASCII text: [(tag, value)], and whether it ended whole."""
    cdef const uint8_t *start = <const uint8_t *>PyBytes_AS_STRING(text)
    cdef const uint8_t *tag = NULL
    cdef const uint8_t *value = NULL
    cdef size_t value_bytes = 0
    cdef size_t at = 0
    cdef int step = 1
    found = []
    while step == 1:
        step = next_tlv(start, PyBytes_GET_SIZE(text), &at, &tag, &value, &value_bytes)
        if step == 1:
            found.append(((<const char *>tag)[:2], (<const char *>value)[:value_bytes]))
    return found, step == 0
