"""Goal: the generator finds every way in which a host can be wrong, and nothing else.

Method: real sockets, a host in a thread that makes one mistake on purpose; each must be counted as
what it is, and named.
"""

from typing import Any

import msgspec
import pytest

from loadtest.arrival import Timetable, closed, constant
from loadtest.result import Faults, RunResult
from loadtest.run import Outcome, RunPlan, run_load
from loadtest.workload import Scenario, Step, Workload
from tests.loadtest.host import Answer, Behaviour, Host, Request, after, honest, serving, target

PURCHASES = Workload(
    name="purchases", scenario=(Scenario(name="purchase", weight=1, step=(Step(kind="purchase"),)),)
)


def workload(*steps: Step) -> Workload:
    """Give a workload of one scenario."""
    return Workload(name="one", scenario=(Scenario(name="one", weight=1, step=steps),))


def run(behaviour: Behaviour = honest, **changes: Any) -> Outcome:
    """Run 40 messages at 400 a second over two connections against a host."""
    with serving(behaviour) as host:
        return run_load(plan(host, **changes))


def plan(host: Host, arrival: Timetable | None = None, **changes: Any) -> RunPlan:
    given = RunPlan(
        target=target(),
        workload=PURCHASES,
        arrival=arrival or constant(400),
        address=host.address,
        connections=2,
        window=8,
        seconds=0.1,
        reply_seconds=0.3,
        drain_seconds=0.5,
    )
    return msgspec.structs.replace(given, **changes)


def faults(result: RunResult) -> dict[str, int]:
    """Give the faults that are not zero."""
    return {name: n for name, n in msgspec.structs.asdict(result.faults).items() if n}


def test_a_healthy_host_has_no_faults() -> None:
    result = run().result

    assert faults(result) == {}
    assert result.good
    assert (result.counts.due, result.counts.answered, result.counts.approved) == (40, 40, 40)


@pytest.mark.slow
def test_two_replies_that_are_swapped_between_connections_are_cross_talk() -> None:
    def swap(host: Host, request: Request) -> list[Answer]:
        honest_one = host.reply(request)
        if request.count not in (10, 11):
            return [honest_one]
        if request.count == 10:
            host.held.append(honest_one)
            return []
        other = host.held.pop()
        assert other.connection != request.connection
        return [
            Answer(connection=other.connection, body=honest_one.body, tpdu=other.tpdu),
            Answer(connection=request.connection, body=other.body, tpdu=honest_one.tpdu),
        ]

    result = run(swap).result

    assert faults(result) == {"cross_talk": 2, "missing_reply": 2}
    assert result.counts.timed_out == 2


@pytest.mark.slow
def test_a_reply_that_is_lost_is_missing() -> None:
    def lose(host: Host, request: Request) -> list[Answer]:
        return [] if request.count == 7 else [host.reply(request)]

    result = run(lose).result

    assert faults(result) == {"missing_reply": 1}
    assert (result.counts.answered, result.counts.timed_out, result.counts.late) == (39, 1, 0)
    assert not result.good


@pytest.mark.slow
def test_a_late_reply_is_no_missing_one() -> None:
    def hold(host: Host, request: Request) -> list[Answer]:
        if request.count == 0:
            host.held.append(host.reply(request))
            return []
        return [host.reply(request), *(host.held if request.count == 190 else [])]

    outcome = run(hold, seconds=0.5)

    assert faults(outcome.result) == {}
    assert (outcome.result.counts.timed_out, outcome.result.counts.late) == (1, 1)
    assert next(iter(outcome.records)).state == 2


def test_a_second_reply_is_found() -> None:
    def twice(host: Host, request: Request) -> list[Answer]:
        return [host.reply(request)] * (2 if request.count == 5 else 1)

    assert faults(run(twice).result) == {"double_reply": 1}


@pytest.mark.parametrize(
    ("element", "value"), [("4", "000000000001"), ("11", "999999"), ("41", "T9999999")]
)
def test_an_element_that_is_not_what_was_sent_is_found(element: str, value: str) -> None:
    def wrong(host: Host, request: Request) -> list[Answer]:
        changed = {f"DE{element}": value} if request.count == 3 else {}
        return [host.reply(request, **changed)]

    result = run(wrong).result

    assert faults(result) == {"wrong_echo": 1}
    assert f"element {element}" in result.findings[0]


def test_the_amount_of_a_partial_approval_may_differ() -> None:
    def part(host: Host, request: Request) -> list[Answer]:
        return [host.reply(request, code="10", DE4="000000000100")]

    outcome = run(part)

    assert faults(outcome.result) == {}
    assert {record.amount_approved_minor for record in outcome.records} == {100}


def test_a_tpdu_that_is_not_turned_round_is_found() -> None:
    def straight(host: Host, request: Request) -> list[Answer]:
        reply = host.reply(request)
        # Number 1 writes to destination 1: turned round that is the same.
        if host.held or request.tpdu == reply.tpdu:
            return [reply]
        host.held.append(reply)
        return [Answer(connection=reply.connection, body=reply.body, tpdu=request.tpdu)]

    result = run(straight).result

    assert faults(result) == {"wrong_echo": 1}
    assert "TPDU" in result.findings[0]


@pytest.mark.slow
def test_a_reply_with_nobodys_key_is_cross_talk() -> None:
    def strange(host: Host, request: Request) -> list[Answer]:
        changed = {"DE37": "999999999999"} if request.count == 3 else {}
        return [host.reply(request, **changed)]

    assert faults(run(strange).result) == {"cross_talk": 1, "missing_reply": 1}


@pytest.mark.slow
def test_an_unreadable_reply_is_found() -> None:
    def broken(host: Host, request: Request) -> list[Answer]:
        reply = host.reply(request)
        body = reply.body[:-1] if request.count == 3 else reply.body
        return [Answer(connection=reply.connection, body=body, tpdu=reply.tpdu)]

    assert faults(run(broken).result) == {"unreadable": 1, "missing_reply": 1}


def test_another_code_than_expected_is_found() -> None:
    def decline(host: Host, request: Request) -> list[Answer]:
        return [host.reply(request, code={3: "05", 4: "91"}.get(request.count, "00"))]

    expecting = workload(Step(kind="purchase", expect=("00",)))
    result = run(decline, workload=expecting).result

    # 91 says that the host could not decide: counted, and no fault.
    assert faults(result) == {"unexpected": 1}
    assert result.declines == {"05": 1, "91": 1}
    assert (result.counts.declined, result.counts.unavailable) == (2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("after_what", ["reply", "at once"])
def test_a_repeat_that_is_answered_otherwise_is_found(after_what: Any) -> None:
    def forget(host: Host, request: Request) -> list[Answer]:
        is_repeat = request.message.mti == "0201"
        return [host.reply(request, code="94" if is_repeat else "00")]

    repeating = workload(Step(kind="purchase"), Step(repeat=True, after=after_what))
    wrong, right = run(forget, workload=repeating).result, run(workload=repeating).result

    assert faults(wrong) == {"repeat_differs": 40}
    assert faults(right) == {}
    assert (right.counts.answered, right.counts.repeated) == (40, 40)


@pytest.mark.slow
def test_a_reversal_follows_a_timeout_and_only_then() -> None:
    def lose(host: Host, request: Request) -> list[Answer]:
        return [] if request.count in (7, 9) else [host.reply(request)]

    steps = workload(Step(kind="purchase"), Step(kind="reversal", after="timeout"))
    with serving(lose) as host:
        outcome = run_load(plan(host, workload=steps, drain_seconds=1.0))
        lost = [host.requests[count].message for count in (7, 9)]
        reversals = [r.message for r in host.requests if r.message.mti == "0400"]

    assert outcome.result.kinds["reversal"].answered == 2
    assert sorted(r["90"][4:10] for r in reversals) == sorted(r["11"] for r in lost)
    originals = {record.original for record in outcome.records if record.original >= 0}
    assert originals == {record.number for record in outcome.records if not record.answered}


@pytest.mark.slow
@pytest.mark.parametrize("replies", [1, 2])
def test_a_repeat_after_a_timeout_gets_one_reply_or_two(replies: int) -> None:
    def slow(host: Host, request: Request) -> list[Answer]:
        return [host.reply(request)] * (0 if request.message.mti == "0200" else replies)

    steps = workload(Step(kind="purchase"), Step(repeat=True, after="timeout"))
    result = run(slow, workload=steps, window=40).result
    too_many = run(lambda host, r: slow(host, r) * 2, workload=steps, window=40).result

    assert faults(result) == {}
    assert (result.counts.answered, result.counts.timed_out, result.counts.repeated) == (40, 0, 40)
    assert result.latency.p50_ms > 300
    assert faults(too_many) == ({} if replies == 1 else {"double_reply": 80})


@pytest.mark.slow
def test_a_lost_connection_is_made_again_and_its_messages_repeated() -> None:
    def cut(host: Host, request: Request) -> list[Answer]:
        if request.count == 5:
            host.close(request.connection)
            return []
        return [host.reply(request)]

    result = run(cut, reply_seconds=2.0).result
    expected = run(cut, reply_seconds=2.0, expect_restarts=True).result

    assert faults(result) == {"connections_lost": 1}
    assert result.counts.answered == result.counts.due == 40
    assert result.counts.repeated >= 1
    assert expected.good
    assert "as expected" in expected.findings[0]


@pytest.mark.slow
def test_a_stalled_host_shows_in_the_latency_of_all_that_was_due_meanwhile() -> None:
    stalled = run(after(1.0), arrival=constant(200), seconds=2.0, reply_seconds=5.0).result
    reacting = run(after(1.0), arrival=closed(), seconds=2.0, window=1, reply_seconds=5.0).result

    # Half of the messages were due while it stood still: 1 s down to nothing, evenly.
    assert stalled.counts.answered == 400
    assert stalled.latency.p99_ms > 900
    assert stalled.latency.p90_ms > 200
    # A closed loop waits politely: two messages saw the stall, whatever their number.
    assert reacting.latency.p90_ms < 200
    assert faults(stalled) == faults(reacting) == {}


@pytest.mark.slow
def test_a_window_is_never_exceeded() -> None:
    most: dict[int, int] = {}

    def collect(host: Host, request: Request) -> list[Answer]:
        mine = [*host.held, host.reply(request)]
        most[request.connection] = max(
            most.get(request.connection, 0),
            sum(1 for answer in mine if answer.connection == request.connection),
        )
        host.held = mine
        if len(mine) < 6:
            return []
        host.held = []
        return mine

    result = run(collect, arrival=constant(4_000), window=3, reply_seconds=5.0).result

    assert max(most.values()) == 3
    assert result.counts.due == 400


def test_no_fault_is_forgotten_in_the_total() -> None:
    assert Faults.__struct_fields__ == (
        "cross_talk",
        "wrong_echo",
        "double_reply",
        "missing_reply",
        "repeat_differs",
        "unreadable",
        "unexpected",
        "connections_lost",
    ), "in the order of the core's counters"
