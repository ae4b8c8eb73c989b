"""Where the time goes: the switch's CPU per message by stage, and everybody else's.

Owns the names of the stages and which code belongs to which. The sum is /proc's, of the switch's
own threads in a run of its own at full load; perf's samples only divide it. Must not know how
either is read.
"""

from pathlib import Path

import msgspec

from benchmarks import bench_gate
from benchmarks.promises.cpu import DATABASE, DECIDING, PARTS, WRITER, CpuWatch
from benchmarks.promises.measured import WrongPathError
from benchmarks.promises.perf import Sample, profile
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import Stand
from benchmarks.promises.throughput import links_of
from benchmarks.table import Row, row
from loadtest.result import RunResult

NS = "ns/message"
STAGE = "stage"  # the kinds of rows, for whoever renders them
SHARE = "part"
MEMORY = "in memory"

READ = "read from sockets (kernel)"
SCAN = "scan: find and check every element"
MAP = "map: elements to a request"
CARD = "map: the card's token (HMAC)"
LOOK_UP = "decide: look up, seen before?"
PLAN = "decide: checks and plan"
MOVES = "decide: moves, lots, limits"
ROW = "row: the journal's COPY bytes"
CHAIN = "chain: SHA-256 of the row"
REPLY = "reply: write it"
SEND = "send to sockets (kernel)"
GATE = "gate: frames, marks, connections"
COMMIT = "group commit in Python (Trio, asyncpg)"
COMMIT_KERNEL = "group commit: PostgreSQL's socket (kernel)"
WAIT = "waiting, waking up (kernel)"
FAULTS = "page faults (kernel)"
COPYING = "copying and allocating (libc)"
OTHER = "other"
STAGES = (
    READ, GATE, SCAN, MAP, CARD, LOOK_UP, PLAN, MOVES, REPLY, ROW, CHAIN, SEND, COMMIT,
    COMMIT_KERNEL, WAIT, FAULTS, COPYING, OTHER,
)  # fmt: skip

# Compiled modules by name; a part of a symbol's name goes before that.
MODULES = {
    "_scan": SCAN, "_codec": SCAN, "_tlv": SCAN, "_values": SCAN,
    "_mapping": MAP,
    "_index": LOOK_UP, "_exchanges": LOOK_UP, "_register": LOOK_UP,
    "_decide": PLAN, "_plan": PLAN, "_steps": PLAN, "_undo": PLAN, "_pricing": PLAN,
    "_proofs": PLAN, "_dynamic_codes": PLAN, "_remote": PLAN, "_debts": PLAN, "_schedule": PLAN,
    "_calendar": PLAN, "_clock": PLAN, "_due": PLAN,
    "_book": MOVES, "_shard": MOVES, "_core": MOVES,
    "_rows": ROW, "_batches": ROW,
    "_writer": REPLY, "_replies": REPLY,
    "_fastpath": GATE, "_connections": GATE, "_doors": GATE, "_frames": GATE, "_lane": GATE,
    "_parking": GATE, "_pressure": GATE, "_latency": GATE, "_exchange_log": GATE,
    "_routing": GATE, "_peers": GATE, "_outbox": GATE, "_gathering": GATE, "_shard_gate": GATE,
    "_price_queue": GATE, "_slow_lane": GATE, "_slow_stage": GATE, "_kept": GATE, "_tls": GATE,
    "_hsm_stage": GATE, "_hsm_commands": GATE, "_hsm_links": GATE, "_questions": GATE,
    "loop": COMMIT, "protocol": COMMIT, "pgproto": COMMIT,
}  # fmt: skip
SYMBOLS = {
    ("_mapping", "sha256"): CARD,
    ("_mapping", "hmac"): CARD,
    ("_rows", "sha256"): CHAIN,
    ("_rows", "chain"): CHAIN,
}
CALLS = {
    "recv": READ, "read": READ, "send": SEND, "write": SEND, "epoll": WAIT, "poll": WAIT,
    "futex": WAIT,
}  # fmt: skip


def stage_of(sample: Sample, deciding_thread: int) -> str:
    """Say which stage a sample belongs to."""
    inner = sample.frames[0]
    if inner.file.startswith("[kernel") or inner.file == "[unknown]":
        return _kernel_stage(sample, sample.thread == deciding_thread)
    module = Path(inner.file).name.partition(".")[0]
    if module in ("libpython3", "python3", "python"):
        return COMMIT
    if module in ("libc", "libm", "ld-linux-x86-64"):
        return COPYING
    for (where, part), stage in SYMBOLS.items():
        if where == module and part in inner.symbol:
            return stage
    return MODULES.get(module, COMMIT if sample.thread != deciding_thread else OTHER)


def _kernel_stage(sample: Sample, is_deciding: bool) -> str:
    for frame in sample.frames:
        if "sys_" in frame.symbol:
            for word, stage in CALLS.items():
                if f"sys_{word}" in frame.symbol:
                    return stage if is_deciding or stage == WAIT else COMMIT_KERNEL
        if "page_fault" in frame.symbol:
            return FAULTS
    return WAIT if any("schedule" in frame.symbol for frame in sample.frames) else OTHER


def cases(stand: Stand, sizes: Sizes) -> list[Row]:
    """Run the links at full load, twice: for /proc's figures alone, then with perf."""
    stand.run(links_of(sizes), sizes.warmup_seconds)
    watch = stand.cpu_watch()
    result = stand.run(links_of(sizes), sizes.profile_seconds, watch=watch).result
    rows = _parts(watch, result)
    rows += _stages(stand, sizes, watch, result)
    lane = bench_gate.cases(seconds=min(0.5, sizes.profile_seconds / 10))[0]
    rows.append(row("a purchase through the lane, in memory", lane["message_ns"], NS, kind=MEMORY))
    return rows


def _parts(watch: CpuWatch, result: RunResult) -> list[Row]:
    answered = max(1, result.counts.answered)
    rows = [
        row(
            part,
            watch.spent[part].both / answered * 1e9,
            NS,
            kind=SHARE,
            user_ns=round(watch.spent[part].user / answered * 1e9),
            system_ns=round(watch.spent[part].system / answered * 1e9),
        )
        for part in PARTS
    ]
    generator_ns = result.generator_cpu_seconds / answered * 1e9
    return [*rows, row("load generator", generator_ns, NS, kind=SHARE)]


def _stages(stand: Stand, sizes: Sizes, watch: CpuWatch, result: RunResult) -> list[Row]:
    pid = stand.switch_pid
    found = profile(pid, lambda: _load(stand, sizes), lambda sample: stage_of(sample, pid))
    if found is None:
        return []
    own_seconds = watch.spent[DECIDING].both + watch.spent[DATABASE].both
    message_ns = own_seconds / max(1, result.counts.answered) * 1e9
    samples = sum(found.values())
    return [
        row(stage, found[stage] / samples * message_ns, NS, kind=STAGE, samples=found[stage])
        for stage in STAGES
    ]


def _load(stand: Stand, sizes: Sizes) -> None:
    result = stand.run(links_of(sizes), sizes.profile_seconds).result
    if not result.good:
        raise WrongPathError(f"the switch made faults: {', '.join(result.findings)}")


class NextLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures say about the next limit, in messages a second."""

    deciding: float  # one core that does nothing else than the deciding thread
    writer: float  # the same of the journal's writer in PostgreSQL
    together: float  # two cores shared by everybody, generator included
    largest: str  # stage of the switch, empty without perf


def next_limit(rows: list[Row], cores: int) -> NextLimit | None:
    """Work it out from the rows above; None when they are not there."""
    parts = {each["case"]: each["value"] for each in rows if each.get("kind") == SHARE}
    stages = {each["case"]: each["value"] for each in rows if each.get("kind") == STAGE}
    if not parts or not all(parts[part] for part in (DECIDING, WRITER)):
        return None
    return NextLimit(
        deciding=1e9 / parts[DECIDING],
        writer=1e9 / parts[WRITER],
        together=cores * 1e9 / sum(parts.values()),
        largest=max(stages, key=lambda stage: float(stages[stage])) if stages else "",
    )
