"""Journal rows to and from PostgreSQL's COPY binary format, in the plainest Python.

The witness of the compiled encoder and decoder: slow, readable, right. A row is a dict from column
name to value, complete and in the table's order. Types of values: `int` for the integer columns,
`str` for TEXT and JSON (as written), `bytes` for BYTEA, `datetime.date`, aware `datetime.datetime`
(microseconds, UTC), a list of lists of `int` for BIGINT[][], and None for NULL.

Format: PostgreSQL 18, documentation of COPY, "Binary Format"; values as the types' send functions
write them. `chain` is SHA-256 of the row before's chain followed by this row's fields before
`chain`, each as COPY writes it: a 4-byte length (-1 for NULL) and its bytes.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from switch.ledger.journal import CHAIN_BYTES, COLUMNS, GENESIS_CHAIN

Value = int | str | bytes | date | datetime | list[list[int]] | None
Row = dict[str, Value]

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEADER = SIGNATURE + struct.pack("!ii", 0, 0)  # no flags, no extension
TRAILER = struct.pack("!h", -1)

INT8_OID = 20
EPOCH_DATE = date(2000, 1, 1)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

SMALLINTS = {
    "shard",
    "kind",
    "club",
    "operation",
    "mti",
    "currency",
    "reason",
    "original_class",
    "day_count_returned",
    "proofs",
}
INTEGERS = {
    "epoch",
    "acquirer",
    "terminal",
    "merchant",
    "programme",
    "programme_version",
    "processing_code",
    "stan",
    "local_at",
    "transmitted_at",
    "original_stan",
    "original_at",
    "card_counter",
}
BIGINTS = {
    "seq",
    "card",
    "fingerprint",
    "amount_minor",
    "approved_minor",
    "discount_minor",
    "points_earned",
    "points_redeemed",
    "original_seq",
    "undone_minor",
    "key_serial",
}
TIMESTAMPS = {"received_at", "decided_at", "hold_expires_at"}
DATES = {"business_date"}
TEXTS = {"rrn", "response_code", "authorisation_code", "event"}
BYTEAS = {"reply", "chain"}
ARRAYS = {"moves"}


def encode_array(lines: list[list[int]]) -> bytes:
    """BIGINT[][]: dimensions, has-nulls, element type; length and lower bound of each; elements."""
    if not lines:
        return struct.pack("!iii", 0, 0, INT8_OID)
    head = struct.pack("!iiiiiii", 2, 0, INT8_OID, len(lines), 1, len(lines[0]), 1)
    return head + b"".join(struct.pack("!iq", 8, number) for line in lines for number in line)


def decode_array(data: bytes) -> list[list[int]]:
    """The reverse; refuses NULL elements and another number of dimensions."""
    dimensions, has_nulls, oid = struct.unpack_from("!iii", data)
    assert (has_nulls, oid) == (0, INT8_OID)
    if dimensions == 0:
        assert len(data) == 12
        return []
    count, lower_bound, width, other_lower_bound = struct.unpack_from("!iiii", data, 12)
    assert (dimensions, lower_bound, other_lower_bound) == (2, 1, 1)
    assert len(data) == 28 + 12 * count * width
    numbers = []
    for index in range(count * width):
        element_bytes, number = struct.unpack_from("!iq", data, 28 + 12 * index)
        assert element_bytes == 8
        numbers.append(number)
    return [numbers[first : first + width] for first in range(0, len(numbers), width)]


def encode_timestamp(moment: datetime) -> bytes:
    """TIMESTAMPTZ: microseconds since 2000-01-01 UTC."""
    return struct.pack("!q", (moment - EPOCH) // MICROSECOND)


def decode_timestamp(data: bytes) -> datetime:
    """The reverse, as an aware datetime."""
    return EPOCH + int(struct.unpack("!q", data)[0]) * MICROSECOND


def encode_date(day: date) -> bytes:
    """DATE: days since 2000-01-01."""
    return struct.pack("!i", (day - EPOCH_DATE).days)


def decode_date(data: bytes) -> date:
    """The reverse."""
    return EPOCH_DATE + timedelta(days=struct.unpack("!i", data)[0])


def _integer(layout: str) -> tuple[Callable[[int], bytes], Callable[[bytes], int]]:
    return (
        lambda number: struct.pack(layout, number),
        lambda data: int(struct.unpack(layout, data)[0]),
    )


# Column -> its encoder and its decoder.
CODECS: dict[str, tuple[Callable[..., bytes], Callable[[bytes], Value]]] = {
    **dict.fromkeys(SMALLINTS, _integer("!h")),
    **dict.fromkeys(INTEGERS, _integer("!i")),
    **dict.fromkeys(BIGINTS, _integer("!q")),
    **dict.fromkeys(TIMESTAMPS, (encode_timestamp, decode_timestamp)),
    **dict.fromkeys(DATES, (encode_date, decode_date)),
    **dict.fromkeys(TEXTS, (str.encode, bytes.decode)),
    **dict.fromkeys(BYTEAS, (bytes, bytes)),
    **dict.fromkeys(ARRAYS, (encode_array, decode_array)),
}
assert set(CODECS) == set(COLUMNS)


def encode_field(column: str, value: Value) -> bytes:
    """One field: its length and its bytes, or a length of -1 for NULL."""
    if value is None:
        return struct.pack("!i", -1)
    data = CODECS[column][0](value)
    return struct.pack("!i", len(data)) + data


LATER_COLUMNS = ("proofs", "card_counter", "key_serial")  # rows from before they came keep chains


def fields_of(row: Row, *, without: tuple[str, ...]) -> bytes:
    """The fields of a row, one after the other."""
    return b"".join(
        encode_field(column, row[column]) for column in COLUMNS if column not in without
    )


def fields_digested(row: Row) -> bytes:
    """What the chain is computed over, apart from the chain before."""
    nothing_later = all(row[column] is None for column in LATER_COLUMNS)
    return fields_of(row, without=("chain", *(LATER_COLUMNS if nothing_later else ())))


def chain_after(previous_chain: bytes, row: Row) -> bytes:
    """The chain of `row` when the row before it has `previous_chain`."""
    return hashlib.sha256(previous_chain + fields_digested(row)).digest()


def chained(rows: Iterable[Row], previous_chain: bytes = GENESIS_CHAIN) -> list[Row]:
    """The rows with their `chain` filled in, one after the other."""
    done = []
    for row in rows:
        previous_chain = chain_after(previous_chain, row)
        done.append({**row, "chain": previous_chain})
    return done


def encode_rows(rows: Iterable[Row]) -> bytes:
    """A complete COPY binary stream."""
    count = struct.pack("!h", len(COLUMNS))
    tuples = [count + fields_of(row, without=()) for row in rows]
    return HEADER + b"".join(tuples) + TRAILER


def decode_rows(stream: bytes) -> list[Row]:
    """The rows of a complete COPY binary stream; refuses anything else."""
    return list(_decode(stream))


def _decode(stream: bytes) -> Iterator[Row]:
    assert stream.startswith(HEADER)
    at = len(HEADER)
    while True:
        (field_count,) = struct.unpack_from("!h", stream, at)
        at += 2
        if field_count == -1:
            assert at == len(stream), "bytes after the trailer"
            return
        assert field_count == len(COLUMNS)
        row: Row = {}
        for column in COLUMNS:
            (length,) = struct.unpack_from("!i", stream, at)
            at += 4
            if length == -1:
                row[column] = None
                continue
            row[column] = CODECS[column][1](stream[at : at + length])
            at += length
        yield row


def verify_chain(rows: Iterable[Row], previous_chain: bytes = GENESIS_CHAIN) -> bytes:
    """The last row's chain; fails at the first row whose chain does not follow."""
    for row in rows:
        expected = chain_after(previous_chain, row)
        assert row["chain"] == expected, f"the chain breaks at sequence {row['seq']!r}"
        assert len(expected) == CHAIN_BYTES
        previous_chain = expected
    return previous_chain
