"""Prometheus metrics that speak payments.

Owns the names. Reads counters that the compiled core keeps anyway, when somebody scrapes; only the
group commit is observed as it happens, once a batch. Labels are small closed sets: never a card, a
terminal or an account.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from switch._core import Core
from switch._fastpath import Gate
from switch._latency import LATENCY_BOUNDS_US
from switch._peers import BATCH_BOUNDS, Peers
from switch.clock_work import ClockWork
from switch.housekeeping import Housekeeping
from switch.issuer_desk import IssuerDesk
from switch.ledger.journal import WriterStatus
from switch.operations import OPERATION_COUNT, Operation
from switch.reasons import RESPONSE_CODES, Reason

BATCH_ROWS_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
COMMIT_SECONDS_BUCKETS = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip


class CommitMetrics:
    """Size and duration of each batch."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rows = Histogram(
            "bashgah_journal_batch_rows",
            "Journal rows of one commit",
            buckets=BATCH_ROWS_BUCKETS,
            registry=registry,
        )
        self._seconds = Histogram(
            "bashgah_journal_commit_seconds",
            "From handing over a batch to knowing that it is durable",
            buckets=COMMIT_SECONDS_BUCKETS,
            registry=registry,
        )

    def note_commit(self, row_count: int, elapsed_s: float) -> None:
        """Observe one durable batch."""
        self._rows.observe(row_count)
        self._seconds.observe(elapsed_s)


class SwitchCollector(Collector):
    """Everything else, read at a scrape."""

    def __init__(self, core: Core, gate: Gate, status: Callable[[], WriterStatus]) -> None:
        self._core = core
        self._gate = gate
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        yield from self._exchanges()
        yield from self._connections()
        yield from self._hsms()
        yield from self._journal()
        yield from self._book()

    def _exchanges(self) -> Iterable[Metric]:
        core, gate = self._core.statistics(), self._gate.statistics()
        approvals = CounterMetricFamily(
            "bashgah_approvals", "Approved messages by operation", labels=["operation"]
        )
        for number in range(1, OPERATION_COUNT):
            approvals.add_metric([Operation(number).name.lower()], core["approved"][number])
        yield approvals
        declines = CounterMetricFamily(
            "bashgah_declines", "Declined messages by DE 39 and reason",
            labels=["response_code", "reason"],
        )  # fmt: skip
        for reason in Reason:
            if core["declined"][reason]:
                declines.add_metric(
                    [RESPONSE_CODES[reason], reason.name.lower()], core["declined"][reason]
                )
        yield declines
        yield _counter("bashgah_reversals", "Approved reversals",
                       core["approved"][Operation.REVERSAL])  # fmt: skip
        yield _counter("bashgah_repeats", "Repeats answered with their first reply",
                       core["repeated"])  # fmt: skip
        duplicates = core["declined"][Reason.DUPLICATE_WITH_OTHER_CONTENT]
        yield _counter("bashgah_duplicates_refused", "Known keys with other content", duplicates)
        late = sum(
            core["declined"][reason]
            for reason in (
                Reason.HOLD_ALREADY_CAPTURED,
                Reason.HOLD_ALREADY_RELEASED,
                Reason.HOLD_EXPIRED,
                Reason.ORIGINAL_REVERSED_BEFORE_ARRIVAL,
            )
        )
        yield _counter("bashgah_late", "Messages that came after their time", late)
        lanes = CounterMetricFamily("bashgah_lane", "Messages by lane", labels=["lane"])
        lanes.add_metric(["fast"], gate["fast"])
        lanes.add_metric(["slow"], gate["slow"])
        yield lanes
        yield _counter("bashgah_recalls", "Rows recalled from the journal", core["recalled"])
        yield _counter("bashgah_unjournaled", "Answers that left no row", core["unjournaled"])
        yield from self._pricing(gate)
        yield self._latency(gate)

    def _pricing(self, gate: dict[str, Any]) -> Iterable[Metric]:
        counted = self._gate.pricer.statistics()
        calls = CounterMetricFamily("bashgah_pricings", "Calls by function", labels=["pricing"])
        for name, count in counted["calls"].items():
            calls.add_metric([name], count)
        yield calls
        failures = CounterMetricFamily(
            "bashgah_pricing_failures", "Calls without a usable answer", labels=["pricing"]
        )
        for name, count in counted["failures"].items():
            failures.add_metric([name], count)
        yield failures
        yield _counter("bashgah_pricing_seconds", "Spent on messages priced in Python",
                       gate["pricing_us"] / 1_000_000)  # fmt: skip

    def _latency(self, gate: dict[str, object]) -> Metric:
        counts = gate["latency"]
        assert isinstance(counts, list)
        family = HistogramMetricFamily(
            "bashgah_exchange_duration_seconds", "From a message's arrival to its reply's leaving"
        )
        total = 0
        buckets = []
        for bound_us, count in zip((*LATENCY_BOUNDS_US, None), counts, strict=True):
            total += count
            bound = "+Inf" if bound_us is None else str(bound_us / 1_000_000)
            buckets.append((bound, total))
        sum_us = gate["latency_sum_us"]
        assert isinstance(sum_us, int)
        family.add_metric([], buckets, sum_us / 1_000_000)
        return family

    def _hsms(self) -> Iterable[Metric]:
        gate = self._gate.statistics()
        yield _gauge("bashgah_hsm_links", "Connections to HSMs", gate["hsm_links"])
        yield _gauge("bashgah_hsm_questions", "Messages and replies that wait for an HSM",
                     gate["asking_hsm"])  # fmt: skip
        yield _counter("bashgah_hsm_commands", "Commands sent to HSMs", gate["hsm_commands"])
        yield _counter("bashgah_hsm_refusals", "Commands that an HSM could not carry out",
                       gate["hsm_refusals"])  # fmt: skip
        yield _counter("bashgah_hsm_links_lost", "Connections to HSMs that broke or were too slow",
                       gate["hsm_lost"])  # fmt: skip
        yield _counter("bashgah_replies_unsealed", "Replies dropped: no HSM for their MAC",
                       gate["unsealed"])  # fmt: skip

    def _connections(self) -> Iterable[Metric]:
        gate = self._gate.statistics()
        yield _gauge("bashgah_connections", "Open connections", gate["open"])
        yield _counter("bashgah_connections_accepted", "Connections taken", gate["accepted"])
        yield _counter("bashgah_connections_refused", "No place was free", gate["refused"])
        yield _counter("bashgah_accepts_failed", "Descriptors or memory ran out",
                       gate["accepts_failed"])  # fmt: skip
        closed = CounterMetricFamily(
            "bashgah_connections_closed", "Connections closed by cause", labels=["cause"]
        )
        for cause, count in gate["closed"].items():
            closed.add_metric([cause], count)
        yield closed
        handshakes = CounterMetricFamily(
            "bashgah_tls_handshakes", "TLS handshakes by outcome", labels=["outcome"]
        )
        handshakes.add_metric(["done"], gate["handshakes"])
        handshakes.add_metric(["failed"], gate["handshakes_failed"])
        yield handshakes
        yield _counter("bashgah_tls_handshake_seconds", "Spent on TLS handshakes",
                       gate["handshake_us"] / 1_000_000)  # fmt: skip
        yield _counter("bashgah_frames", "Frames received", gate["frames"])
        yield _counter("bashgah_frames_ignored", "Responses sent to us", gate["ignored"])
        yield _counter("bashgah_frames_hopeless", "Frames that are no ISO 8583", gate["hopeless"])
        yield _counter("bashgah_requests_stale", "Dropped under load: nobody waited for them",
                       gate["stale"])  # fmt: skip
        yield _counter("bashgah_requests_unknown", "Perhaps decided before; left without an answer",
                       gate["unknown"])  # fmt: skip
        yield _counter("bashgah_connections_postponed", "What had to happen found no room",
                       gate["postponed"])  # fmt: skip
        yield _counter("bashgah_replies_undeliverable", "The connection was gone",
                       gate["undeliverable"])  # fmt: skip
        yield _gauge("bashgah_replies_pending", "Replies that wait for a commit", gate["pending"])
        yield _gauge("bashgah_messages_parked", "Messages that the slow lane has", gate["parked"])
        yield _counter("bashgah_log_lines_dropped", "Exchange log lines that found no room",
                       gate["log_lines_dropped"])  # fmt: skip

    def _journal(self) -> Iterable[Metric]:
        core, status = self._core.statistics(), self._status()
        yield _counter("bashgah_journal_rows", "Durable rows", status.rows)
        yield _counter("bashgah_journal_batches", "Durable batches", status.batches)
        yield _counter("bashgah_journal_failures", "Failed attempts to commit", status.failures)
        yield _counter("bashgah_journal_reconnects", "New connections", status.reconnects)
        yield _gauge("bashgah_journal_lag_rows", "Rows decided and not yet durable",
                     core["last_seq"] - core["durable_seq"])  # fmt: skip
        yield _gauge("bashgah_journal_available", "1 while rows can be written", status.available)
        yield _gauge("bashgah_journal_epoch", "The tenure's epoch", status.epoch)

    def _book(self) -> Iterable[Metric]:
        core = self._core.statistics()
        yield _gauge("bashgah_book_sequence", "Last sequence in the book", core["last_seq"])
        yield _gauge("bashgah_accounts", "Accounts", core["accounts"])
        yield _gauge("bashgah_cards", "Cards", core["cards"])
        yield _gauge("bashgah_lots", "Open lots", core["lots"])
        yield _gauge("bashgah_holds_open", "Open holds", core["holds_open"])
        yield _counter("bashgah_holds_expired", "Holds ended by the clock", core["holds_expired"])
        yield _gauge("bashgah_exchanges_remembered", "Exchanges in memory", core["exchanges"])


class ClockCollector(Collector):
    """What the clock does over many accounts, by task."""

    def __init__(self, work: ClockWork, housekeeping: Housekeeping) -> None:
        self._work = work
        self._housekeeping = housekeeping

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        rows = CounterMetricFamily("bashgah_clock_rows", "Journal rows", labels=["task"])
        moves = CounterMetricFamily("bashgah_clock_moves", "Moves made", labels=["task"])
        cards = CounterMetricFamily("bashgah_clock_cards", "Cards gone over", labels=["task"])
        left = GaugeMetricFamily(
            "bashgah_clock_cards_left", "Cards still to be gone over", labels=["task"]
        )
        for name, counts in self._work.counts.items():
            rows.add_metric([name], counts.rows)
            moves.add_metric([name], counts.moves)
            cards.add_metric([name], counts.cards)
            left.add_metric([name], counts.cards_left)
        yield from (rows, moves, cards, left)
        yield _counter("bashgah_clock_seconds", "Spent on clock work",
                       self._housekeeping.busy_seconds)  # fmt: skip


class PeersCollector(Collector):
    """Links to the other shards; `peer` is another shard's number."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        found = self._peers.statistics()
        up = GaugeMetricFamily("bashgah_peer_up", "1 while linked", labels=["peer"])
        waiting = GaugeMetricFamily(
            "bashgah_peer_waiting", "Messages that the shard has not answered", labels=["peer"]
        )
        forwarded = CounterMetricFamily(
            "bashgah_peer_messages", "Messages forwarded", labels=["peer", "direction"]
        )
        refused = CounterMetricFamily(
            "bashgah_peer_refused", "Messages answered with 91 instead", labels=["peer"]
        )
        lost = CounterMetricFamily(
            "bashgah_peer_lost", "Messages whose answer a broken link lost", labels=["peer"]
        )
        batches = HistogramMetricFamily(
            "bashgah_peer_batch_messages", "Messages of one batch", labels=["peer"]
        )
        for number, peer in found.items():
            name = [str(number)]
            up.add_metric(name, peer["up"])
            waiting.add_metric(name, peer["waiting"])
            forwarded.add_metric([*name, "out"], peer["sent"])
            forwarded.add_metric([*name, "in"], peer["received"])
            refused.add_metric(name, peer["refused"])
            lost.add_metric(name, peer["lost"])
            batches.add_metric(name, _cumulative(peer["batches"]), peer["sent"])
        yield from (up, waiting, forwarded, refused, lost, batches)


class IssuersCollector(Collector):
    """Other banks: questions, answers, and what is owed; `issuer` is the link's name."""

    def __init__(self, desk: IssuerDesk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        up = GaugeMetricFamily("bashgah_issuer_up", "1 while it may be asked", labels=["issuer"])
        questions = CounterMetricFamily(
            "bashgah_issuer_questions", "Messages by what their bank said",
            labels=["issuer", "outcome"],
        )  # fmt: skip
        late = CounterMetricFamily(
            "bashgah_issuer_late", "Answers that came too late", labels=["issuer"]
        )
        owed = GaugeMetricFamily(
            "bashgah_issuer_owed", "Reversals that are not acknowledged", labels=["issuer"]
        )
        told = CounterMetricFamily(
            "bashgah_issuer_told", "Reversals sent, by outcome", labels=["issuer", "outcome"]
        )
        counts = self._desk.owed()
        for name, tally in self._desk.tallies.items():
            link = self._desk.links[name]
            up.add_metric([name], link.available)
            for outcome in ("approved", "refused", "silent", "unusable", "absent"):
                questions.add_metric([name, outcome], getattr(tally, outcome))
            late.add_metric([name], link.pending.counts.late)
            owed.add_metric([name], counts[name])
            told.add_metric([name, "acknowledged"], tally.told)
            told.add_metric([name, "in_vain"], tally.told_in_vain)
        yield from (up, questions, late, owed, told)


def _cumulative(counts: list[int]) -> list[tuple[str, int]]:
    total = 0
    buckets = []
    for bound, count in zip((*BATCH_BOUNDS, "+Inf"), counts, strict=True):
        total += count
        buckets.append((str(bound), total))
    return buckets


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
