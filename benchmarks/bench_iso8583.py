"""The codec beside pyiso8583, on the same 202-byte 0200, in one run.

    python -m benchmarks.bench_iso8583

Each case is the best of several rounds, so that a busy machine disturbs both sides alike. Decoding
always gives every value as str: there is no lazy variant to flatter the number. The scan is what
the fast lane runs: it checks the same things and makes no Python object.
"""

import time
from collections.abc import Callable
from typing import Any

import iso8583
import iso8583.specs

from switch.iso8583 import compile_spec, decode, encode
from switch.iso8583._probe import answer_times, scan_times

MESSAGE_BYTES = 202

# A purchase as a terminal sends it, in pyiso8583's own default spec.
PURCHASE = {
    "t": "0200",
    "2": "6037991234567893",
    "3": "000000",
    "4": "000000150000",
    "7": "0722143000",
    "11": "123456",
    "12": "143000",
    "13": "0722",
    "14": "2812",
    "18": "5411",
    "22": "051",
    "25": "00",
    "32": "581672",
    "35": "6037991234567893=28121010000012300000",
    "37": "620414123456",
    "41": "TERM0001",
    "42": "MERCHANT0000001",
    "49": "364",
    "52": "0123456789ABCDEF",
    "60": "LANE 000007",
    "64": "FEDCBA9876543210",
}


def cases(*, seconds: float = 1.0) -> list[dict[str, Any]]:
    """Measure for about `seconds` a case.

    Rows of case, value (per second), unit, baseline (pyiso8583's), ratio, at_least, met.
    """
    theirs = iso8583.specs.default
    ours = compile_spec(theirs, "pyiso8583 default")
    data = bytes(iso8583.encode(dict(PURCHASE), theirs)[0])
    message = decode(data, ours)
    assert len(data) == MESSAGE_BYTES
    assert encode(message, ours) == data
    assert scan_times(data, ours, 1) == 1
    assert {key: message[key] for key in message} == {
        key: value for key, value in iso8583.decode(data, theirs)[0].items() if key not in "tp"
    }
    their_decode = _per_second(lambda: iso8583.decode(data, theirs), seconds)
    their_encode = _per_second(lambda: iso8583.encode(dict(PURCHASE), theirs), seconds)
    our_decode = _per_second(lambda: decode(data, ours), seconds)
    our_read = _per_second(lambda: [*decode(data, ours).items()], seconds)
    our_encode = _per_second(lambda: encode(message, ours), seconds)
    loops = 1000
    our_scan = loops * _per_second(lambda: scan_times(data, ours, loops), seconds)
    our_answer = loops * _per_second(lambda: answer_times(data, ours, loops), seconds)
    return [
        _row("decode to Message, every value a str", our_decode, their_decode, at_least=10),
        _row("the same, then read through the mapping", our_read, their_decode, at_least=None),
        _row("encode from Message", our_encode, their_encode, at_least=10),
        _row("scan (C, offsets only)", our_scan, their_decode, at_least=60),
        _row("scan against 1,300,000/s of jPOS", our_scan, 1_300_000.0, at_least=1),
        _row("scan and write an answer (C)", our_answer, their_decode, at_least=None),
    ]


def _row(case: str, value: float, baseline: float, *, at_least: float | None) -> dict[str, Any]:
    ratio = value / baseline
    return {
        "case": case,
        "value": round(value),
        "unit": "messages/s",
        "baseline": round(baseline),
        "ratio": round(ratio, 1),
        "at_least": at_least,
        "met": at_least is None or ratio >= at_least,
    }


def _per_second(run: Callable[[], object], seconds: float) -> float:
    """Calls a second in the best of five rounds that take about `seconds` together."""
    count = 1
    while (elapsed_ns := _elapsed_ns(run, count)) < seconds / 50 * 1e9:
        count *= 2
    best_ns = min(elapsed_ns, *(_elapsed_ns(run, count) for _ in range(4)))
    return count / best_ns * 1e9


def _elapsed_ns(run: Callable[[], object], count: int) -> int:
    started_ns = time.perf_counter_ns()
    for _ in range(count):
        run()
    return time.perf_counter_ns() - started_ns


def main() -> None:
    """Print the table."""
    print(f"{MESSAGE_BYTES}-byte 0200, pyiso8583 {iso8583.__version__} beside it")
    print(f"{'case':42} {'per second':>12} {'baseline':>12} {'ratio':>8}  wanted")
    for row in cases():
        wanted = "" if row["at_least"] is None else f"{row['at_least']}x"
        verdict = "" if row["at_least"] is None else "met" if row["met"] else "NOT MET"
        print(
            f"{row['case']:42} {row['value']:12,} {row['baseline']:12,} {row['ratio']:7.1f}x"
            f"  {wanted:4} {verdict}"
        )


if __name__ == "__main__":
    main()
