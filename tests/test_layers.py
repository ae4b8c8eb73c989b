"""Who may import whom: the layers of docs/ARCHITECTURE.md, as a table and as a test.

A new module fails here until somebody has said, in this table, what it is.
"""

from collections.abc import Iterator

import pytest

from tests import source_tree

# `a.b.*` is everything below a.b and a.b itself. The most specific row wins.
LAYERS: dict[str, int] = {
    # 0 words: codes, units, limits, errors
    "switch": 0,
    "switch._words": 0,
    "switch.errors": 0,
    "switch.limits": 0,
    "switch.masked": 0,
    "switch.reasons": 0,
    "switch.response_codes": 0,
    "switch.units": 0,
    # 1 data: requests, decisions, specs, codec, the ledger's rows
    "switch.calendar": 1,
    "switch.events": 1,
    "switch.instalments": 1,
    "switch.iso8583.*": 1,
    "switch.ledger": 1,
    "switch.ledger.rows": 1,
    "switch.operations": 1,
    "switch.pricing": 1,
    "switch.profile": 1,
    "switch.programme": 1,
    "switch.rules": 1,
    "switch.slots": 1,
    # 2 decisions: no input or output, no clock, no async
    "switch._calendar": 2,
    "switch._clock": 2,
    "switch.clock_work": 2,
    "switch._lab": 2,
    "switch._lab_rows": 2,
    "switch._lab_sums": 2,
    "switch.lab": 2,
    "switch._core": 2,
    "switch._decide": 2,
    "switch._dynamic_codes": 2,
    "switch._exchanges": 2,
    "switch._image": 2,
    "switch._index": 2,
    "switch._memory": 2,
    "switch._pipeline": 2,
    "switch._keyring": 2,
    "switch._lane": 2,
    "switch._mapping": 2,
    "switch._packing": 2,
    "switch._plan": 2,
    "switch._debts": 2,
    "switch._owed": 2,
    "switch._plan_loading": 2,
    "switch._pressure": 2,
    "switch._pricing": 2,
    "switch._register": 2,
    "switch._remote": 2,
    "switch._hosts": 2,
    "switch.issuer_debts": 2,
    "switch.key_checks": 2,
    "switch._proofs": 2,
    "switch._replies": 2,
    "switch._security": 2,
    "switch._schedule": 2,
    "switch._schedule_probe": 2,
    "switch._shard": 2,
    "switch._snapshot": 2,
    "switch._audit": 2,
    "switch._steps": 2,
    "switch._undo": 2,
    "switch._vouchers": 2,
    "switch._voucher_moves": 2,
    "switch.voucher_debts": 2,
    "switch.voucher_travel": 2,
    "switch.voucher_desk": 5,
    "switch.control_links": 5,
    "switch.directory": 2,
    "switch.directory_dump": 2,
    "switch.card_changes": 2,
    "switch.card_columns": 1,
    "switch.notices": 2,
    "switch.programme_checks": 2,
    "switch.programme_links": 2,
    "switch.programme_promises": 2,
    "switch.programme_text": 2,
    "switch.programme_words": 2,
    "switch.versions": 2,
    "switch.standing": 2,
    "switch.exchanges": 2,
    "switch.ledger._batches": 2,
    "switch.ledger._book": 2,
    "switch.ledger._rows": 2,
    "switch.ledger.book": 2,
    "switch.pipeline": 2,
    "switch.plan": 2,
    "switch.machine": 2,
    "switch.plan_sales": 2,
    "switch.plan_bounds": 2,
    "switch.lots": 2,
    "switch.budget_accounts": 2,
    "switch.plan_cards": 2,
    "switch.plan_clock": 2,
    "switch.register": 2,
    # 3 plug-ins: tables and pure functions
    "acquirers.*": 3,
    "issuers.*": 3,
    # 4 adapters: journal, recovery, configuration, logs
    "switch._exchange_log": 4,
    "switch._hsm_commands": 5,
    "switch._issuer_messages": 5,  # reads parked messages
    "switch._slow_stage": 5,
    "switch.issuer_desk": 5,
    "switch.issuer_link": 5,
    "switch.issuer_pending": 5,
    "switch._hsm_links": 5,
    "switch.hsm_pool": 5,  # gives links to the gate
    "switch._fork": 4,  # an image's system calls
    "switch.lab_history": 4,
    "switch.config": 4,
    "switch.hsm_client": 4,
    "switch.ledger.database": 4,
    "switch.ledger.journal": 4,
    "switch.ledger.migrate": 4,
    "switch.ledger.partitions": 4,
    "switch.ledger.reader": 4,
    "switch.ledger.recovery": 4,
    "switch.ledger.session": 4,
    "switch.ledger.snapshot": 4,
    "switch.ledger.snapshots": 4,
    "switch.ledger.tenures": 4,
    "switch.ledger.verify": 4,
    "switch.ledger.writer": 4,
    "switch.local_sockets": 4,
    "switch.logs": 4,
    "switch.places": 4,
    "switch.recall": 4,
    "switch.recovery": 4,
    "switch.snapshot_records": 4,
    "switch.verify": 4,
    # 5 sessions: what lives as long as a connection or a process
    "acquirers.terminal.*": 5,
    "hsm_sim.*": 5,
    "loadtest.*": 5,
    "switch._connections": 5,
    "switch._doors": 5,
    "switch._due": 5,
    "switch._fastpath": 5,
    "switch._frames": 5,
    "switch._price_queue": 5,
    "switch._slow_lane": 5,
    "switch._gate": 5,
    "switch._gathering": 5,
    "switch._kept": 5,
    "switch._latency": 5,
    "switch._openssl": 5,
    "switch._outbox": 5,
    "switch._parking": 5,
    "switch._peers": 5,
    "switch._routing": 5,
    "switch._shard_gate": 5,
    "switch._sockets": 5,
    "switch._tls": 5,
    "switch.control": 5,
    "switch.gate": 5,
    "switch.housekeeping": 5,
    "switch._hsm_stage": 5,
    "switch._questions": 5,
    "switch.peers": 5,
    "switch.metrics": 5,  # reads the gate's counters
    "switch.server": 5,
    "switch.snapshots": 5,
    # 6 wiring: the composition root and the command line
    "bashgah.*": 6,
}

# Adapters serve every plug-in, so they know none.
NOT_IMPORTED_BY_LAYER: dict[int, set[int]] = {4: {3}}
PLUG_INS = ("acquirers", "issuers")


def layer(module: str) -> int | None:
    """Return the layer of `module`, or None when the table does not know it."""
    if module in LAYERS:
        return LAYERS[module]
    parts = module.split(".")
    for count in range(len(parts), 0, -1):
        row = ".".join(parts[:count]) + ".*"
        if row in LAYERS:
            return LAYERS[row]
    return None


def own_imports() -> Iterator[tuple[str, str]]:
    for module in source_tree.modules():
        for imported in sorted(source_tree.imports(module)):
            if imported in source_tree.modules():
                yield module, imported


def test_every_module_has_a_layer() -> None:
    without = [module for module in source_tree.modules() if layer(module) is None]

    source_tree.expect_none(without, "say in LAYERS what they are")


def test_no_module_imports_from_a_layer_above_it() -> None:
    wrong = []
    for module, imported in own_imports():
        above, below = layer(module), layer(imported)
        if above is None or below is None:
            continue  # the test above names it
        if below > above or below in NOT_IMPORTED_BY_LAYER.get(above, ()):
            wrong.append(f"{module} (layer {above}) imports {imported} (layer {below})")

    source_tree.expect_none(wrong)


def test_the_switch_knows_no_acquirer_and_no_issuer() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in own_imports()
        if module.split(".")[0] == "switch" and imported.split(".")[0] in PLUG_INS
    ]

    source_tree.expect_none(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in source_tree.modules()}
    for module, imported in own_imports():
        graph[module].add(imported)

    assert circle(graph) is None


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, None),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, None),
    ],
)
def test_a_circle_is_found(graph: dict[str, set[str]], found: list[str] | None) -> None:
    assert circle(graph) == found


def circle(graph: dict[str, set[str]]) -> list[str] | None:
    """Return a circle in `graph` as the list of its nodes, the first one twice, or None."""
    finished: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in finished:
            return None
        for following in sorted(graph[node]):
            found = visit(following, [*path, node])
            if found:
                return found
        finished.add(node)
        return None

    for node in sorted(graph):
        found = visit(node, [])
        if found:
            return found
    return None
