"""What the bytes of a snapshot's parts mean, so that a difference can be named.

Owns one name per field of the compiled structs, in their order; a test holds the sizes equal.
Nothing is loaded or decided by this table: it is for people who compare two states.
"""

import re
import struct

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part made of equal records. `fields` are names in the order of `layout`."""

    layout: str  # for `struct`, little-endian; x is padding
    fields: tuple[str, ...]


def _record(layout: str, *fields: str) -> Record:
    names = tuple(name for line in fields for name in line.split())
    assert len(struct.unpack(layout, bytes(struct.calcsize(layout)))) == len(names)
    return Record(layout=layout, fields=names)


RECORDS = {
    "head": _record(
        "<15q32s",
        "last_seq epoch shard accounts lots lot_free lots_open clubs acquirers merchants terminals",
        "cards vouchers exchanges forgotten_s chain",
    ),
    "clubs": _record("<qiHHHB5x", "accounts club currency points_unit counts_unit slots"),
    "acquirers": _record("<i11sBi", "acquirer code code_bytes business_day"),
    "merchants": _record("<q15sBii", "account merchant_id status club_row category"),
    "terminals": _record(
        "<8siiiiiBB2xii",
        "terminal_id acquirer merchant_row local_ahead_s sent_ahead_s key_counter",
        "status signed_off voucher_day voucher_tries",
    ),
    "cards": _record(
        "<16sqqiiihHIBBHiB3xqqii",
        "token accounts day_spent_minor day day_count programme_row expires_yymm last4 first6",
        "status pin_tries pvv counter pvki linked voucher voucher_day voucher_tries",
    ),
    "vouchers": _record("<32sIIqqq", "digest card redeemed_by price_minor points hop"),
    "accounts": _record("<qqqiHBB", "balance floor owner lots unit owner_kind slot"),
    "lots": _record("<qqIIiI", "lot remaining available_at expires_at next spare"),
    "exchanges": _record(
        "<Q6qQ4iIIi12s2s6s4BHH",
        "fingerprint seq card approved_minor undone_minor original_seq points detail_at",
        "terminal stan local_at transmitted_at received_s hold_expires_s business_day",
        "rrn response_code authorisation_code rrn_sent message_class state operation",
        "reply_bytes move_count",
    ),
}


def record_bytes(part: str) -> int:
    """Give the size of a part's records; 1 for a part that has none."""
    return struct.calcsize(RECORDS[part].layout) if part in RECORDS else 1


def describe_difference(part: str, index: int, stored: bytes, rebuilt: bytes) -> str:
    """Say in what two versions of a record differ, as `accounts 17: balance is 5, should be 7`."""
    if part not in RECORDS:
        return f"{part}: byte {index} differs"
    record = RECORDS[part]
    differing = [
        f"{name} is {_shown(one)}, should be {_shown(other)}"
        for name, one, other in zip(
            record.fields,
            struct.unpack(record.layout, stored),
            struct.unpack(record.layout, rebuilt),
            strict=True,
        )
        if one != other
    ]
    return f"{part} {index}: {'; '.join(differing) or 'padding differs'}"


def exchange_entries_of(layout: str) -> int | None:
    """Give how many exchanges a state of this layout remembers; None when it does not say."""
    found = re.search(r";exchanges=(\d+)$", layout)
    return int(found[1]) if found else None


def _shown(value: int | bytes) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
