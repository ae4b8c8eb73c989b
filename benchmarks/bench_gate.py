"""One message through the lane, in memory: what the switch's own thread costs, without the world.

    python -m benchmarks.bench_gate

A message is scanned, looked up, decided by its programme's plan, posted, written as a journal row
and answered, by `Lane.answer`: the very code that the gate runs for each frame, plus one call from
Python and one `bytes` for the reply. There are no sockets and no database here, and rows are cut
into batches and dropped: the whole path under load is `make demo`'s number, not these. Each case is
the best of several rounds. Nothing here is compared or promised.
"""

import time
from typing import Any

from benchmarks import table
from switch.iso8583 import encode
from tests.support.gate_bench import CARDS, generous_purse
from tests.support.shop import TEHRAN_S, Shop, spec

ROUNDS = 5
BATCH_ROWS = 500
FUNDS_MINOR = 400_000_000  # of each card: more than all rounds spend


def cases(*, seconds: float = 1.0) -> list[dict[str, Any]]:
    """Measure for about `seconds` a case.

    Rows of case, value (messages a second of one core), unit and `message_ns`; baseline, ratio and
    at_least are None.
    """
    count = max(ROUNDS * 20, int(100_000 * seconds))
    shop = Shop(
        generous_purse(),
        # Room for every message of the run: what has been forgotten would ask the journal.
        exchange_entries=1 << (4 * count + 4096).bit_length(),
        detail_bytes=count * 2_000 + (1 << 20),
    )
    for card in CARDS:
        shop.send(code="210000", amount_minor=FUNDS_MINOR, card=card)
    purchases = [_body(shop, "000000", 1_000 + at % 1_000, at) for at in range(count)]
    balances = [_body(shop, "310000", None, at) for at in range(count)]
    return [
        _case("purchase: decide, post, row, reply", shop, purchases, "at_seq"),
        _case("repeat of it: the stored reply", shop, purchases, "at_seq"),
        _case("balance inquiry: decide, row, reply", shop, balances, "at_seq"),
        _case("cut short: 30, no row", shop, [body[:-3] for body in purchases], "now"),
    ]


def _body(shop: Shop, code: str, amount_minor: int | None, number: int) -> bytes:
    message = shop.message("0200", code, amount_minor, card=CARDS[number % len(CARDS)])
    return encode(message, spec("binary"))


def _case(name: str, shop: Shop, bodies: list[bytes], status: str) -> dict[str, Any]:
    """Answer all bodies in rounds; the row of the best one."""
    round_count = len(bodies) // ROUNDS
    message_ns = min(
        _answer_ns(shop, bodies[first : first + round_count], status) / round_count
        for first in range(0, round_count * ROUNDS, round_count)
    )
    return {
        "case": name,
        "value": round(1e9 / message_ns),
        "unit": "messages/s",
        "baseline": None,
        "ratio": None,
        "at_least": None,
        "met": True,
        "message_ns": round(message_ns),
    }


def _answer_ns(shop: Shop, bodies: list[bytes], status: str) -> int:
    """Answer messages, cutting batches as a busy switch does; nanoseconds for all."""
    answer, cut = shop.lanes["binary"].answer, shop.core.cut_batch
    now_us = shop.now_s * 1_000_000
    statuses = set()
    began_ns = time.perf_counter_ns()
    for first in range(0, len(bodies), BATCH_ROWS):
        for body in bodies[first : first + BATCH_ROWS]:
            statuses.add(answer(body, now_us=now_us, utc_offset_s=TEHRAN_S)[0])
        cut()
    elapsed_ns = time.perf_counter_ns() - began_ns
    assert statuses == {status}, f"{statuses}, not {status}: something else was measured"
    return elapsed_ns


def main() -> None:
    """Print the table."""
    print(table.heading() + "  ns/message")
    for row in cases():
        print(f"{table.line(row)}  {row['message_ns']:,}")


if __name__ == "__main__":
    main()
