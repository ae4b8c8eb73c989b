"""Journal rows and batches for tests: full, realistic and different from each other."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from switch.ledger.journal import COLUMNS, GENESIS_CHAIN, Batch
from tests.ledger.rows_model import Row, chained, encode_rows

NOON = datetime(2026, 3, 21, 12, 0, tzinfo=UTC)


def purchase(seq: int, *, shard: int = 0, epoch: int = 1, **changes: object) -> Row:
    """One approved purchase of six moves, with every column that a purchase has."""
    decided_at = NOON + timedelta(milliseconds=seq)
    values: dict[str, object] = {
        "shard": shard,
        "seq": seq,
        "epoch": epoch,
        "kind": 1,
        "business_date": date(2026, 3, 21),
        "received_at": decided_at - timedelta(microseconds=350),
        "decided_at": decided_at,
        "club": 1,
        "acquirer": 1,
        "terminal": seq % 5_000,
        "merchant": seq % 900,
        "card": (seq * 7_919) % 1_000_000,
        "programme": 1,
        "programme_version": 3,
        "operation": 1,
        "mti": 200,
        "processing_code": 0,
        "stan": seq % 1_000_000,
        "local_at": 321_120_000,
        "transmitted_at": None,
        "rrn": f"{seq % 10**12:012d}",
        "fingerprint": (seq * 0x9E37_79B9_7F4A_7C15) % (1 << 63),
        "currency": 364,
        "amount_minor": 250_000 + seq,
        "approved_minor": 250_000 + seq,
        "discount_minor": 12_500,
        "points_earned": 25,
        "points_redeemed": 10,
        "response_code": "00",
        "reason": 0,
        "authorisation_code": f"{seq % 1_000_000:06d}",
        "moves": [
            [11, 21, 250_000 + seq, 0, 0, 0],
            [12, 22, 12_500, 0, 0, 0],
            [13, 23, 3, 0, 0, 0],
            [14, 24, 25, 7, 1_774_000_000, 1_805_000_000],
            [15, 25, 10, 5, 0, 0],
            [16, 26, 1, 0, 0, 0],
        ],
        "reply": bytes(110),
        **changes,
    }
    return {column: values.get(column) for column in COLUMNS}  # type: ignore[misc]  # test data


def batch_of(
    first_seq: int,
    count: int,
    *,
    shard: int = 0,
    epoch: int = 1,
    previous_chain: bytes = GENESIS_CHAIN,
    **changes: object,
) -> Batch:
    """`count` chained purchases from `first_seq`, as the writer takes them."""
    rows = chained(
        [
            purchase(seq, shard=shard, epoch=epoch, **changes)
            for seq in range(first_seq, first_seq + count)
        ],
        previous_chain,
    )
    chain = rows[-1]["chain"]
    assert isinstance(chain, bytes)
    return Batch(
        first_seq=first_seq,
        last_seq=first_seq + count - 1,
        last_chain=chain,
        copy_body=encode_rows(rows),
    )


def batches(
    first_seq: int, rows_per_batch: int, *, shard: int = 0, epoch: int = 1, previous_chain: bytes
) -> Iterator[Batch]:
    """An endless load: one batch after the other, one chain."""
    while True:
        batch = batch_of(
            first_seq, rows_per_batch, shard=shard, epoch=epoch, previous_chain=previous_chain
        )
        yield batch
        first_seq, previous_chain = batch.last_seq + 1, batch.last_chain
