"""Goal: the load is honest. Method: real sockets, a small scripted peer, planted faults.

Each fault is one that a switch could have; the oracle must count it and name it.
"""

import time

import pytest
import trio

from loadtest.dialect import dialect_of
from loadtest.mix import Mix
from loadtest.pace import Closed, Open
from loadtest.population import Card, Population, Terminal
from loadtest.session import Patience
from loadtest.terminals import Load, Terminals
from switch.iso8583 import Message
from tests.loadtest.peer import Fault, Peer, serving

CARDS = tuple(Card(pan=f"60379900000000{number:02d}", expiry="2912") for number in range(10, 30))
POOR = (Card(pan="6037990000000040", expiry="2912"),)
BLOCKED = (Card(pan="6037990000000050", expiry="2912"),)
UNKNOWN = (Card(pan="6037990000000060", expiry="2912"),)
POPULATION = Population(
    terminals=tuple(
        Terminal(terminal_id=f"T{number:07d}", merchant_id="M00000000000001")
        for number in range(1, 9)
    ),
    cards=CARDS,
    poor_cards=POOR,
    blocked_cards=BLOCKED,
    unknown_cards=UNKNOWN,
)
MIX = Mix(
    shares={
        "purchase": 50,
        "balance": 10,
        "load": 10,
        "purchase_and_reversal": 10,
        "purchase_and_repeat": 10,
        "unknown_card": 5,
        "insufficient_funds": 5,
        "blocked_card": 5,
    },
    amount_minor_min=1_000,
    amount_minor_max=9_000,
    load_minor=50_000,
    insufficient_minor=90_000_000,
    points_max=2_000,
)
AT_ONCE = Closed(think_seconds=0.0)
PATIENT = Patience(reply_seconds=5.0)
IMPATIENT = Patience(reply_seconds=0.1)


def new_peer(fault: Fault | None = None) -> Peer:
    """Give a peer that knows the population's cards."""
    peer = Peer({card.pan: 1_000_000 for card in CARDS}, fault)
    peer.balances[POOR[0].pan] = 5
    peer.balances[BLOCKED[0].pan] = 1_000_000
    peer.blocked.add(BLOCKED[0].pan)
    return peer


async def run_load(
    peer: Peer,
    *,
    answers: int = 300,
    mix: Mix = MIX,
    pace: Closed | Open = AT_ONCE,
    patience: Patience = PATIENT,
    connections: int = 8,
    drain_seconds: float = 5.0,
) -> Terminals:
    """Run a load against `peer` until it has `answers`, with both surveys."""
    load = Load(
        population=POPULATION,
        mix=mix,
        pace=pace,
        seed=7,
        connections=connections,
        patience=patience,
        drain_seconds=drain_seconds,
    )
    async with serving(peer) as address:
        terminals = Terminals(load, address=address, dialect=dialect_of("pos-binary"))
        await terminals.survey_before()
        stop = trio.Event()

        def stop_when_done() -> None:
            if terminals.counts().answered >= answers or terminals.oracle.findings:
                stop.set()

        peer.on_answer = stop_when_done
        with trio.fail_after(10):
            await terminals.drive(stop)
            await terminals.survey_after()
            terminals.close()
    return terminals


async def test_a_healthy_peer_gives_a_clean_record() -> None:
    terminals = await run_load(new_peer())

    counts = terminals.counts()
    assert counts.answered >= 300
    assert counts.answered == counts.approved + counts.declined + counts.reversed
    assert set(terminals.oracle.declines) == {"14", "51", "62"}
    assert counts.reversed > 0
    assert counts.repeated > 0
    assert counts.wrong_replies == counts.unexpected == terminals.oracle.unanswered == 0
    assert terminals.model.discrepancies == []
    assert 0 < terminals.latency.percentile_ms(50) <= terminals.latency.percentile_ms(99) < 200


async def test_every_acknowledged_reply_is_recorded_once() -> None:
    terminals = await run_load(new_peer())

    recorded = list(terminals.oracle.acknowledged.items())
    assert len(recorded) == terminals.oracle.acknowledged.count == terminals.oracle.counts.answered
    assert recorded[0][0] >= terminals.oracle.acknowledged.first_rrn


async def test_swapped_replies_are_cross_talk() -> None:
    def swap(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        if request[3] == "310000" or len(peer.requests) < 40:
            return None
        peer.kept.append(reply)
        return [peer.kept[-2]] if len(peer.kept) > 1 else []

    terminals = await run_load(new_peer(swap), patience=IMPATIENT, drain_seconds=0.1)

    assert terminals.oracle.counts.cross_talk > 0
    assert "reached the terminal waiting for" in terminals.oracle.findings[0]


async def test_an_altered_amount_is_a_wrong_echo() -> None:
    def alter(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        if request[3] != "210000" or len(peer.requests) < 40:
            return None
        altered = Message(reply.mti, {key: reply[key] for key in reply})
        altered[4] = f"{int(reply[4]) + 1:012d}"
        return [altered]

    terminals = await run_load(new_peer(alter), patience=IMPATIENT, drain_seconds=0.1)

    assert terminals.oracle.counts.wrong_echo > 0
    assert "DE 4 is not what was sent" in terminals.oracle.findings[0]


async def test_a_reply_sent_twice_is_found() -> None:
    def double(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        return [reply, reply] if len(peer.requests) == 60 else None

    terminals = await run_load(new_peer(double))

    assert terminals.oracle.counts.double_reply == 1
    assert "answered twice" in terminals.oracle.findings[0]


async def test_a_repeat_with_another_reply_is_found() -> None:
    def differ(_peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        if request.mti != "0201":
            return None
        changed = Message(reply.mti, {key: reply[key] for key in reply})
        changed[38] = "000001"
        return [changed]

    terminals = await run_load(new_peer(differ))

    assert terminals.oracle.counts.repeat_differs > 0
    assert "another reply than the first" in terminals.oracle.findings[0]


async def test_silence_is_answered_with_a_reversal_until_it_is_acknowledged() -> None:
    silent: list[str] = []

    def lose(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        first_purchase = request.mti == "0200" and request[3] == "000000" and not silent
        if request.mti == "0420" or first_purchase:
            silent.append(request.mti)
            return []
        return None

    terminals = await run_load(
        new_peer(lose), mix=_only("purchase"), patience=Patience(reply_seconds=0.03), connections=1
    )

    assert silent[:2] == ["0200", "0420"]
    assert terminals.counts().timed_out == 1
    assert terminals.counts().reversed == 1
    assert terminals.oracle.unanswered == 1
    assert terminals.model.discrepancies == []


async def test_a_lost_connection_leads_to_a_repeat_that_pays_once() -> None:
    def cut(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        peer.cut_next = len(peer.requests) in (50, 90, 130)
        return None

    peer = new_peer(cut)
    terminals = await run_load(peer, mix=_only("purchase"))

    assert "0201" in {request.mti for request in peer.requests}
    assert terminals.oracle.unanswered == 0
    assert terminals.model.discrepancies == []


async def test_a_cut_terminal_may_reverse_instead() -> None:
    def cut(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        peer.cut_next = len(peer.requests) in (50, 90)
        return None

    peer = new_peer(cut)
    patience = Patience(reply_seconds=5.0, reverse_when_cut_bps=10_000)
    terminals = await run_load(peer, mix=_only("purchase"), patience=patience)

    assert terminals.counts().reversed == 2
    assert terminals.model.discrepancies == []


async def test_a_forgotten_posting_is_a_discrepancy() -> None:
    def forget(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        if len(peer.requests) == 60 and reply[39] == "00" and request[3] == "000000":
            peer.balances[request[2]] += 1
        return None

    terminals = await run_load(new_peer(forget), mix=_only("purchase"), connections=1)

    assert terminals.model.discrepancy_count == 1
    assert "money and points should be" in terminals.model.discrepancies[0]
    assert CARDS[0].pan not in terminals.model.discrepancies[0]


async def test_an_unknown_card_that_is_approved_is_unexpected() -> None:
    peer = new_peer()
    peer.balances[UNKNOWN[0].pan] = 1_000_000

    terminals = await run_load(peer, mix=_only("unknown_card"))

    assert terminals.counts().unexpected > 0


@pytest.mark.slow
async def test_an_open_loop_counts_latency_from_the_moment_a_request_was_due() -> None:
    """A peer that stops for 0.3 s delays every request due meanwhile, not just one."""
    peer = new_peer()

    def stall(peer: Peer, request: Message, reply: Message) -> list[Message] | None:
        if len(peer.requests) == 60:
            time.sleep(0.3)  # the whole peer stands still, as a switch in a long pause would
        return None

    peer.fault = stall
    terminals = await run_load(
        peer,
        mix=_only("purchase"),
        pace=Open(requests_per_second=200),
        answers=100,
        connections=1,
    )

    # 0.3 s of 200/s are 60 requests of 100: the median waited for a good part of it.
    assert terminals.latency.percentile_ms(50) > 30


def _only(scenario: str) -> Mix:
    return Mix(
        shares={scenario: 1},
        amount_minor_min=MIX.amount_minor_min,
        amount_minor_max=MIX.amount_minor_max,
        load_minor=MIX.load_minor,
        insufficient_minor=MIX.insufficient_minor,
        points_max=MIX.points_max,
    )
