"""Goal: message i is a function of the seed and i, and exactly what the codec would have written.

Method: every kind of every target and every workload that ships is rendered, read by the codec and
compared with what was drawn, and with Python's own calendar.
"""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from loadtest._dice import zipf_counts
from loadtest._script import Script
from loadtest.arrival import constant, replay
from loadtest.run import RunPlan, compile_plan, run_load
from loadtest.spec_file import load_spec
from loadtest.tables import Tables
from loadtest.target import TARGETS, Target, load_target
from loadtest.workload import Workload, load_workload, workload_names
from switch.iso8583 import Spec, decode
from tests.loadtest.host import serving, target

BEGIN_S = int(datetime(2028, 2, 29, 20, 29, 58, tzinfo=UTC).timestamp())
"""Two seconds before local midnight of a leap day in Tehran."""

TARGET_NAMES = sorted(path.stem for path in TARGETS.glob("*.toml"))


def tables(
    target_name: str = "bashgah-binary",
    workload: str | Workload = "shop-day",
    seed: int = 7,
    connections: int = 32,
    begin_s: int = BEGIN_S,
) -> Tables:
    """Compile for a run at a fixed moment."""
    plan = RunPlan(
        target=target_name,
        workload=workload,
        arrival=constant(1),
        seed=seed,
        connections=connections,
        begin_at=begin_s,
    )
    return compile_plan(plan)[2]


def spec_of(loaded: Target) -> Spec:
    return load_spec(loaded.spec, TARGETS)


def steps(rows: Tables, script: Script, arrival: int) -> list[int]:
    """Give the steps of an arrival that are messages of their own."""
    scenario = rows.scenarios[script.draft(arrival, 0)["scenario"]]
    return [place for place, step in enumerate(scenario.steps) if not step.is_repeat]


def all_bytes(rows: Tables, count: int = 300) -> bytes:
    """Give what a dry run would send: every message of the first arrivals."""
    script = Script(rows)
    return b"".join(
        script.render(arrival, step, BEGIN_S + arrival)
        for arrival in range(count)
        for step in steps(rows, script, arrival)
    )


@pytest.mark.parametrize("workload", workload_names())
def test_the_same_seed_sends_the_same_bytes(workload: str) -> None:
    first, again = all_bytes(tables(workload=workload)), all_bytes(tables(workload=workload))
    other = all_bytes(tables(workload=workload, seed=8))

    assert first == again
    assert first != other


@pytest.mark.slow
def test_two_runs_over_sockets_send_the_same_bytes() -> None:
    sent = []
    for _run in range(2):
        with serving() as host:
            run_load(
                RunPlan(
                    target=target(),
                    workload=Workload(name="two", scenario=load_workload("shop-day").scenario[:1]),
                    arrival=constant(500),
                    address=host.address,
                    connections=3,
                    window=4,
                    seconds=0.4,
                    begin_at=BEGIN_S,
                )
            )
            sent.append(sorted((r.tpdu, r.message["37"], r.body) for r in host.requests))

    assert sent[0] == sent[1]
    assert len(sent[0]) == 200


@pytest.mark.parametrize("target_name", TARGET_NAMES)
def test_every_kind_is_what_the_codec_reads(target_name: str) -> None:
    loaded, _folder = load_target(target_name)
    spec = spec_of(loaded)
    zone = ZoneInfo(loaded.time_zone)
    for kind, row in loaded.kinds.items():
        rows = tables(target_name, one_kind(kind))
        script = Script(rows)
        for arrival in range(40):
            second = BEGIN_S + arrival * 100_003

            message = decode(script.render(arrival, 0, second), spec)

            drawn = script.draft(arrival, 0)
            moment = datetime.fromtimestamp(second, UTC)
            local = datetime.fromtimestamp(second + rows.local_offset_s, UTC)
            assert message.mti == row.message_type
            assert message["7"] == moment.strftime("%m%d%H%M%S")
            assert message["11"] == f"{drawn['stan']:06d}"
            assert message["12"] + message["13"] == local.strftime("%H%M%S%m%d")
            assert (message["41"], message["42"]) == rows.terminals[drawn["terminal"]]
            if "37" in row.elements:
                assert message["37"] == f"{BEGIN_S % 1000:03d}{drawn['number']:09d}"
            if "4" in row.elements:
                assert int(message["4"]) == drawn["amount_minor"]
            if "2" in row.elements:
                assert is_luhn(message["2"])
            assert rows.local_offset_s == zone_offset_s(zone)


def one_kind(kind: str) -> Workload:
    """Give a workload that only ever sends one kind."""
    raw = {
        "name": kind,
        "card_exponent": 1.0,
        "scenario": [{"name": kind, "weight": 1, "step": [{"kind": kind}]}],
    }
    return msgspec.convert(raw, Workload)


def zone_offset_s(zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(BEGIN_S, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def is_luhn(pan: str) -> bool:
    """Check a number as the card schemes do."""
    digits = [int(digit) for digit in reversed(pan)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def test_follow_ups_name_their_originals() -> None:
    rows = tables(workload="shop-day")
    script = Script(rows)
    spec = spec_of(load_target("bashgah-binary")[0])
    seen: Counter[str] = Counter()
    for arrival in range(2_000):
        for step in steps(rows, script, arrival)[1:]:
            first = decode(script.render(arrival, 0, BEGIN_S), spec)
            follow_up = decode(script.render(arrival, step, BEGIN_S), spec)

            named = follow_up["90"]
            assert named[:20] == first.mti + first["11"] + first["13"] + first["12"]
            assert (follow_up["2"], follow_up["41"]) == (first["2"], first["41"])
            assert script.draft(arrival, step)["original"] == arrival * 4
            if follow_up.mti.startswith("04"):
                assert follow_up["4"] == first["4"]
            else:
                assert 0 < int(follow_up["4"]) <= int(first["4"])
            seen[follow_up.mti] += 1

    assert set(seen) == {"0200", "0220", "0400", "0420"}


@pytest.mark.parametrize("connections", [16, 1_199, 3_000])
def test_terminal_and_stan_are_never_used_twice(connections: int) -> None:
    script = Script(tables(connections=connections))
    seen = set()
    for arrival in range(20_000):
        drawn = script.draft(arrival, 0)
        seen.add((drawn["terminal"], drawn["stan"]))
        if connections <= 1_199:
            assert drawn["terminal"] % connections == arrival % connections

    assert len(seen) == 20_000


def test_the_next_run_has_other_trace_numbers() -> None:
    """A minute of ninety arrivals a second on each connection, and the run that follows it."""
    seen: list[set[tuple[int, int]]] = []
    for begin_s in (BEGIN_S, BEGIN_S + 60):
        script = Script(tables("example-host", "purchase", connections=8, begin_s=begin_s))
        drafts = [script.draft(arrival, 0) for arrival in range(8 * 60 * 90)]
        seen.append({(drawn["terminal"], drawn["stan"]) for drawn in drafts})

    assert not seen[0] & seen[1]


def test_popularity_follows_zipf() -> None:
    counts = zipf_counts(1_000, 1.0, 400_000, seed=3)

    # 1/1, 1/2, 1/10, 1/100 of what the first rank gets; the harmonic number of 1000 is 7.485.
    assert counts[0] == pytest.approx(400_000 / 7.485, rel=0.03)
    for rank in (2, 10):
        assert counts[rank - 1] == pytest.approx(counts[0] / rank, rel=0.08)
    assert sum(counts[90:110]) == pytest.approx(counts[0] / 5, rel=0.08)
    assert zipf_counts(10, 0.0, 100_000, seed=3) == pytest.approx([10_000] * 10, rel=0.05)


def test_scenarios_come_by_their_weights_and_merchants_by_their_heat() -> None:
    rows = tables(workload="shop-day", connections=4)
    script = Script(rows)
    drawn = [script.draft(arrival, 0) for arrival in range(50_000)]

    weights = [scenario.weight for scenario in rows.scenarios]
    scenarios = Counter(draft["scenario"] for draft in drawn)
    assert scenarios[0] / 50_000 == pytest.approx(weights[0] / sum(weights), rel=0.02)
    merchants = Counter(rows.terminals[draft["terminal"]][1] for draft in drawn)
    hot, _second, cold = (count for _merchant, count in merchants.most_common())
    assert hot / cold == pytest.approx(3**0.5, rel=0.05)


def test_a_replay_says_which_kinds_come(tmp_path: Path) -> None:
    recorded = tmp_path / "day.csv"
    recorded.write_text("at_s,kind\n10.5,balance\n10.0,load\n12.0,\n")
    plan = RunPlan(
        target="bashgah-binary",
        workload="shop-day",
        arrival=replay(recorded),
        begin_at=BEGIN_S,
    )
    rows = compile_plan(plan)[2]
    script = Script(rows)

    kinds = [rows.kinds[script.draft(arrival, 0)["kind"]] for arrival in range(2)]

    assert kinds == ["load", "balance"]
