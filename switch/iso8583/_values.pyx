"""Between a message's bytes and Python values: the scan and the writer, with `str` on one side.

Knows how an element's bytes become a string and back; what is right or wrong about them was decided
by the scan, or will be by the writer.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from switch.iso8583._codec cimport (
    ELEMENT_MAX, FAULT_AT_HEADER, FAULT_CONTENT, FAULT_MTI, FAULT_NONE, FAULT_SPACE, Element,
    ElementPlan, Plan, Scan, Spec, Writer, has, scan, unpack_text, write_begin_behind,
    write_bytes, write_end, write_text)
from switch.iso8583._plan cimport LAYOUT_TEXT, LAYOUT_TEXT_HALF, LAYOUT_BYTES, Charset

from switch.iso8583.errors import decode_error, encode_error

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)
    int PyUnicode_IS_ASCII(object text) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(object text) noexcept
    void *PyUnicode_DATA(object text) noexcept
    uint8_t *PyUnicode_1BYTE_DATA(object text) noexcept
    int PyUnicode_KIND(object text) noexcept
    void PyUnicode_WRITE(int kind, void *data, Py_ssize_t index, Py_UCS4 value) noexcept

cdef enum:
    # More than any message of a plain spec holds; encode tries again with the bound below.
    ENCODE_BYTES_FIRST = 2048
    ENCODE_BYTES_MAX = 1 << 25


def decode_values(bytes data not None, Spec spec not None):
    """Decode one whole message: header or None, message type, element number to value.

    Raises `DecodeError`. Values are str; binary is upper-case hex.
    """
    cdef Scan found
    cdef int fault = scan(
        spec.plan, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &found)
    if fault != FAULT_NONE:
        raise decode_error(fault, found.fault_element, found.fault_offset)
    return values_of(spec.plan, &found, data)


def decode_until_fault(bytes data not None, Spec spec not None):
    """Decode as far as it goes: header, message type or "", values, and the error or None."""
    cdef Scan found
    cdef int fault = scan(
        spec.plan, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &found)
    error = None
    if fault != FAULT_NONE:
        error = decode_error(fault, found.fault_element, found.fault_offset)
        if not has(&found, 0):
            return None, "", {}, error
    return *values_of(spec.plan, &found, data), error


cdef tuple values_of(const Plan *plan, const Scan *found, bytes data):
    cdef const uint8_t *start = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef dict values = {}
    cdef uint64_t bits
    cdef int word
    cdef int element
    header = None
    if plan.header.defined:
        header = value_of(plan, &plan.header, &found.header, start)
    message_type = value_of(plan, &plan.elements[0], &found.elements[0], start)
    for word in range(4):
        bits = found.present[word]
        while bits:
            element = word * 64 + __builtin_ctzll(bits)
            bits &= bits - 1
            if element:
                values[element] = value_of(
                    plan, &plan.elements[element], &found.elements[element], start)
    return header, message_type, values


cdef extern from *:
    int __builtin_ctzll(unsigned long long) noexcept nogil


cdef object value_of(
    const Plan *plan, const ElementPlan *element, const Element *place, const uint8_t *start
):
    """An element's value as str."""
    cdef const Charset *letters = &plan.charsets[element.charset]
    cdef const uint8_t *data = start + place.offset
    cdef Py_ssize_t count = place.count
    cdef uint32_t widest = 127
    cdef Py_ssize_t i
    if element.layout == LAYOUT_TEXT or element.layout == LAYOUT_TEXT_HALF:
        if not letters.is_ascii:
            for i in range(count):
                widest |= letters.code_points[data[i]]
        text = PyUnicode_New(count, <Py_UCS4>widest)
        if letters.is_ascii:
            memcpy(PyUnicode_1BYTE_DATA(text), data, count)
        else:
            for i in range(count):
                PyUnicode_WRITE(
                    PyUnicode_KIND(text), PyUnicode_DATA(text), i,
                    <Py_UCS4>letters.code_points[data[i]])
        return text
    if element.layout == LAYOUT_BYTES:
        count *= 2
    text = PyUnicode_New(count, 127)
    unpack_text(
        plan, element, data, place.bytes, place.count, <char *>PyUnicode_1BYTE_DATA(text), count)
    return text


def encode_values(
    Spec spec not None, object header, str message_type not None, dict values not None
):
    """Encode a message: `values` maps element numbers to str. Raises `EncodeError`."""
    cdef uint8_t room[ENCODE_BYTES_FIRST]
    cdef Writer w
    cdef Py_ssize_t bytes_written = write_values(
        &w, spec, room, ENCODE_BYTES_FIRST, header, message_type, values)
    if bytes_written >= 0:
        return PyBytes_FromStringAndSize(<char *>room, bytes_written)
    if w.fault == FAULT_SPACE:
        larger = bytearray(ENCODE_BYTES_MAX)
        bytes_written = write_values(
            &w, spec, larger, ENCODE_BYTES_MAX, header, message_type, values)
        if bytes_written >= 0:
            return bytes(memoryview(larger)[:bytes_written])
    raise encode_error(w.fault, w.last_element)


cdef Py_ssize_t write_values(
    Writer *w, Spec spec, uint8_t *room, size_t room_bytes, object header, str message_type,
    dict values
) except? -1:
    """Write them into `room`, in element order; -1 and `w.fault` if they can't be."""
    cdef const Plan *plan = spec.plan
    cdef int element
    if not message_type.isascii() or len(message_type) != 4:
        raise encode_error(FAULT_MTI, 0)
    if header is None:
        write_begin_behind(
            w, plan, room, room_bytes, <const char *>PyUnicode_DATA(message_type), NULL, 0)
    elif not header.isascii():
        raise encode_error(FAULT_CONTENT, FAULT_AT_HEADER)
    else:
        write_begin_behind(
            w, plan, room, room_bytes, <const char *>PyUnicode_DATA(message_type),
            <const char *>PyUnicode_DATA(header), PyUnicode_GET_LENGTH(header))
    if w.fault != FAULT_NONE:
        return -1
    for number, value in (values.items() if is_ascending(values) else sorted(values.items())):
        element = number
        if write_value(w, spec, element, value) < 0:
            return -1
    return write_end(w)


cdef bint is_ascending(dict values) except -1:
    cdef int previous = -1
    cdef int element
    for number in values:
        element = number
        if element <= previous:
            return False
        previous = element
    return True


cdef int write_value(Writer *w, Spec spec, int element, object value) except? -1:
    """Write one value; one that isn't ASCII goes through Python's codec first."""
    if not PyUnicode_Check(value):
        raise TypeError(f"element {element} is {type(value).__name__}, not str")
    if PyUnicode_IS_ASCII(value):
        return write_text(
            w, element, <const char *>PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value))
    codec = "ascii"
    if 0 <= element <= ELEMENT_MAX and w.plan.elements[element].layout <= LAYOUT_TEXT_HALF:
        codec = spec.codecs[w.plan.elements[element].charset]
    try:
        encoded = value.encode(codec)
    except UnicodeEncodeError:
        raise encode_error(FAULT_CONTENT, element) from None
    return write_bytes(
        w, element, <const uint8_t *>PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))
