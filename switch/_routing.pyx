"""The routing header, byte by byte, big-endian. See `_routing.pxd`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

cdef enum:
    RESPONSE_CODE_AT = 39


cdef inline uint8_t *put(uint8_t *out, uint64_t value, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        out[i] = <uint8_t> (value >> 8 * (count - 1 - i))
    return out + count


cdef inline uint64_t get(const uint8_t *data, int count) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    for i in range(count):
        value = value << 8 | data[i]
    return value


cdef void route_write(const Route *route, uint8_t *out) noexcept nogil:
    """Write ROUTE_BYTES bytes."""
    cdef uint8_t *at = out
    at[0] = ROUTE_ID
    at[1] = route.kind
    at[ROUTE_LISTENER] = route.listener
    at[3] = route.has_tpdu
    at = put(at + 4, <uint32_t> route.place, 4)
    at = put(at, route.generation, 4)
    at = put(at, route.tag, 8)
    at = put(at, <uint64_t> route.received_us, 8)
    at = put(at, route.peer_address, 4)
    at = put(at, route.peer_port, 2)
    memcpy(at, route.tpdu, 5)
    memcpy(at + 5, route.response_code, 2)


cdef void route_read(const uint8_t *data, Route *route) noexcept nogil:
    """Read ROUTE_BYTES bytes whose first was checked by the framing."""
    route.kind = data[1]
    route.listener = data[ROUTE_LISTENER]
    route.has_tpdu = data[3]
    route.place = <int32_t> get(data + 4, 4)
    route.generation = <uint32_t> get(data + 8, 4)
    route.tag = get(data + 12, 8)
    route.received_us = <int64_t> get(data + 20, 8)
    route.peer_address = <uint32_t> get(data + 28, 4)
    route.peer_port = <uint16_t> get(data + 32, 2)
    memcpy(route.tpdu, data + 34, 5)
    memcpy(route.response_code, data + RESPONSE_CODE_AT, 2)


cdef void route_say_nothing(uint8_t *data) noexcept nogil:
    """Say in a header that goes back that no reply comes."""
    data[1] = ROUTE_NOTHING


cdef void route_answer(uint8_t *data, const char *response_code) noexcept nogil:
    """Say in a header that goes back how its message was answered."""
    memcpy(data + RESPONSE_CODE_AT, response_code, 2)


def pack(*, uint8_t kind, uint8_t listener, uint8_t has_tpdu, bytes tpdu, bytes response_code,
         uint16_t peer_port, uint32_t peer_address, int32_t place, uint32_t generation,
         int64_t received_us, uint64_t tag):
    """Give a header's bytes."""
    cdef Route route
    cdef uint8_t out[ROUTE_BYTES]
    assert len(tpdu) == 5 and len(response_code) == 2
    route.kind = kind
    route.listener = listener
    route.has_tpdu = has_tpdu
    memcpy(route.tpdu, PyBytes_AS_STRING(tpdu), 5)
    memcpy(route.response_code, PyBytes_AS_STRING(response_code), 2)
    route.peer_port = peer_port
    route.peer_address = peer_address
    route.place = place
    route.generation = generation
    route.received_us = received_us
    route.tag = tag
    route_write(&route, out)
    return PyBytes_FromStringAndSize(<char *> out, ROUTE_BYTES)


def unpack(bytes header):
    """Give a header's fields by name. Raises ValueError for what is none."""
    cdef Route route
    if len(header) != ROUTE_BYTES or header[0] != ROUTE_ID:
        raise ValueError("not a routing header")
    route_read(<const uint8_t *> PyBytes_AS_STRING(header), &route)
    return {
        "kind": route.kind,
        "listener": route.listener,
        "has_tpdu": route.has_tpdu,
        "tpdu": PyBytes_FromStringAndSize(<char *> route.tpdu, 5),
        "response_code": PyBytes_FromStringAndSize(<char *> route.response_code, 2),
        "peer_port": route.peer_port,
        "peer_address": route.peer_address,
        "place": route.place,
        "generation": route.generation,
        "received_us": route.received_us,
        "tag": route.tag,
    }
