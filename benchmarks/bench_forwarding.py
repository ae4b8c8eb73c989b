"""What a message costs that lands on a shard which does not own its card.

    python -m benchmarks.bench_forwarding

Two shard processes on an embedded PostgreSQL; shard 0 owns every slot. The same purchases go over
pipelined links to shard 0 (they land where the card is) and to shard 1 (every one is forwarded and
its reply passed back), in turns, so that both meet the same machine. To choose where they land each
shard listens on a port of its own here. The value is processor time, user and system, of all switch
processes for one authorisation: PostgreSQL and the load generator are not in it. It hardly depends
on who else uses the machine, unlike a rate. `batch_messages` says how many messages left together,
`owner_us` the owner's part of the value, `postgres_us` what PostgreSQL used besides.
"""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import trio

from bashgah.config_text import config_text
from bashgah.demo_site import free_port, load_demo
from bashgah.shard_links import shard_configs
from bashgah.site import Site
from benchmarks import table
from loadtest.arrival import closed
from loadtest.processes import usage_alone, usage_of_tree
from loadtest.run import RunPlan, run_load
from switch.config import SlotRange
from switch.errors import OperatingError
from switch.slots import SLOT_COUNT
from tests.support.shards import metric
from tests.support.site import site_config

OWNER, OTHER = 0, 1
LOADS = ((16, 64), (200, 1))
"""Links and messages that each has outstanding: acquirers' links, and terminals."""

TURNS = 3
WARMUP_SECONDS = 0.5


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """One run: what the switch processes used for it."""

    answered: int
    cpu_us: float  # of one authorisation, both shards
    owner_us: float
    postgres_us: float
    sent: float  # forwarded messages
    batches: float  # in which they left


def cases(*, seconds: float = 1.0) -> list[dict[str, Any]]:
    """Measure for about `seconds` a run.

    Rows of case, value (microseconds of processor a message), unit, baseline (where it lands on the
    owner) and their ratio, below 1 by what forwarding costs; nothing is promised.
    """
    with tempfile.TemporaryDirectory(prefix="bashgah-bench-", ignore_cleanup_errors=True) as where:
        Path(where).chmod(0o755)  # for the user that may run the database
        return trio.run(_measure, Path(where), seconds)


async def _measure(directory: Path, seconds: float) -> list[dict[str, Any]]:
    site = Site(data_dir=directory, config=_config(directory), say=lambda line: None)
    try:
        await site.start_database()
        await load_demo(site)
        ports = _write_own_ports(site)
        await site.start_switch()
        rows = []
        for connections, window in LOADS:
            turns = [
                [
                    await trio.to_thread.run_sync(
                        _run, site, shard, ports[shard], connections, window, seconds, turn
                    )
                    for shard in (OWNER, OTHER)
                ]
                for turn in range(TURNS)
            ]
            rows += _rows(f"{connections} x {window}", turns)
        return rows
    finally:
        with trio.CancelScope(shield=True):
            await site.stop()


def _config(directory: Path) -> Any:
    config = site_config(directory, shards=2)
    everything = (SlotRange(first=0, last=SLOT_COUNT - 1, shard=OWNER),)
    switch = msgspec.structs.replace(config.switch, slots=everything)
    return msgspec.structs.replace(config, switch=switch)


def _write_own_ports(site: Site) -> list[int]:
    """Have each shard listen on a port of its own; gives them."""
    ports = []
    for path, config in zip(site.config_paths, shard_configs(site.config), strict=True):
        listener = msgspec.structs.replace(config.listener[0], port=free_port())
        own = msgspec.structs.replace(config, listener=(listener,))
        path.write_text(config_text(own), encoding="utf-8")
        ports.append(listener.port)
    return ports


def _run(
    site: Site, shard: int, port: int, connections: int, window: int, seconds: float, turn: int
) -> Cost:
    """Send purchases to a shard and look at what all shards used meanwhile."""
    plan = RunPlan(
        target="bashgah-binary",
        workload="purchase",
        arrival=closed(),
        address=f"127.0.0.1:{port}",
        seed=1 + 10 * turn + shard,
        connections=connections,
        window=window,
        seconds=seconds,
        keep_records=False,
    )
    sent, batches = _forwarded(site)
    before_s = _cpu_seconds(site)
    result = run_load(plan).result
    owner_s, other_s, postgres_s = (
        after - before for after, before in zip(_cpu_seconds(site), before_s, strict=True)
    )
    if not result.good or result.counts.unavailable:
        raise OperatingError(f"something else was measured: {result.findings}, {result.declines}")
    sent_after, batches_after = _forwarded(site)
    answered = result.counts.answered
    return Cost(
        answered=answered,
        cpu_us=(owner_s + other_s) / answered * 1e6,
        owner_us=owner_s / answered * 1e6,
        postgres_us=postgres_s / answered * 1e6,
        sent=sent_after - sent,
        batches=batches_after - batches,
    )


def _cpu_seconds(site: Site) -> list[float]:
    """Give what the owner, the other shard and PostgreSQL have used so far."""
    assert site.cluster is not None, "the site has its own PostgreSQL"
    usages = [usage_alone(switch.pid) for switch in site.switches]
    usages.append(usage_of_tree(site.cluster.primary.pid))
    seconds = [usage.cpu_seconds for usage in usages if usage is not None]
    assert len(seconds) == 3, "a shard or PostgreSQL has ended"
    return seconds


def _forwarded(site: Site) -> tuple[float, float]:
    """Give how many messages shard 1 has forwarded, and in how many batches."""
    url = site.metrics_urls[OTHER]
    sent = metric(url, "bashgah_peer_messages_total", direction="out")
    return sent, metric(url, "bashgah_peer_batch_messages_count")


def _rows(load: str, turns: list[list[Cost]]) -> list[dict[str, Any]]:
    """Give the rows of a load: the turn with the least for each place where messages land."""
    owner, other = (
        min((turn[at] for turn in turns), key=lambda cost: cost.cpu_us) for at in (0, 1)
    )
    assert owner.sent == 0, "some did not land on the owner"
    assert other.sent == other.answered, "some landed on the owner"
    return [
        _row(f"{load}, on the owner", owner, None),
        _row(f"{load}, on the other shard", other, owner.cpu_us),
    ]


def _row(case: str, cost: Cost, baseline_us: float | None) -> dict[str, Any]:
    return {
        "case": case,
        "value": round(cost.cpu_us, 2),
        "unit": "µs CPU/msg",
        "baseline": None if baseline_us is None else round(baseline_us, 2),
        "ratio": None if baseline_us is None else round(baseline_us / cost.cpu_us, 2),
        "at_least": None,
        "met": True,
        "owner_us": round(cost.owner_us, 2),
        "postgres_us": round(cost.postgres_us, 2),
        "batch_messages": round(cost.sent / cost.batches, 1) if cost.batches else 0.0,
    }


def main() -> None:
    """Print the table."""
    print(table.heading() + "  owner's  PostgreSQL's  messages a batch")
    for row in cases():
        print(
            f"{table.line(row)}  {row['owner_us']:7}  {row['postgres_us']:12}"
            f"  {row['batch_messages']:16,}"
        )


if __name__ == "__main__":
    main()
