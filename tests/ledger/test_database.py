"""The bridge: Trio or plain code on one side, asyncpg on the other."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import trio

from switch.ledger.database import CONNECT_SECONDS_MAX, Database, pause, split_hosts
from switch.ledger.session import DatabaseUnavailable, Session, StatementRefused


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with Database(database) as opened:
        yield opened


async def add(session: Session, left: int, right: int) -> int:
    rows = await session.fetch("SELECT $1::INTEGER + $2::INTEGER AS total", left, right)
    return int(rows[0]["total"])


async def backend_pid(session: Session) -> int:
    return int((await session.fetch("SELECT pg_backend_pid()"))[0][0])


async def fail(session: Session) -> None:
    await session.execute("SELECT 1 / 0")


async def end_itself(session: Session) -> None:
    await session.fetch("SELECT pg_terminate_backend(pg_backend_pid())")


# Crossing.


async def test_trio_gets_the_result(db: Database) -> None:
    assert await db.call(add, 2, 3) == 5


def test_plain_code_gets_the_result(db: Database) -> None:
    assert db.call_sync(add, 2, 3) == 5


async def test_work_runs_on_the_databases_thread(db: Database) -> None:
    async def where() -> str:
        return threading.current_thread().name

    assert await db.run(where) == "bashgah-database"
    assert threading.current_thread().name != "bashgah-database"


async def test_an_error_crosses_with_its_type_and_its_place(db: Database) -> None:
    async def stumble() -> None:
        raise ZeroDivisionError("here")

    with pytest.raises(ZeroDivisionError, match="here") as raised:
        await db.run(stumble)

    assert any(entry.name == "stumble" for entry in raised.traceback)


async def test_calls_from_several_tasks_run_side_by_side(db: Database) -> None:
    """Each call waits inside for the others, so that they only end if all have begun."""
    arrived = 0

    async def rendezvous(session: Session) -> None:
        nonlocal arrived
        arrived += 1
        while arrived < 5:
            await session.fetch("SELECT 1")

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(db.call, rendezvous)

    assert arrived == 5


async def test_cancelling_does_not_interrupt_the_work(db: Database) -> None:
    finished = []

    async def work() -> str:
        await pause(0.05)
        finished.append(True)
        return "done"

    with trio.move_on_after(0.01) as scope:
        answer = await db.run(work)

    assert answer == "done"
    assert finished == [True]
    assert scope.cancelled_caught is False


async def test_cancelling_a_call_drops_its_connection(db: Database) -> None:
    async def doze(session: Session) -> None:
        await session.fetch("SELECT pg_sleep(10)")

    before = await db.call(backend_pid)
    with trio.fail_after(2), trio.move_on_after(0.05) as scope:
        await db.call(doze)

    assert scope.cancelled_caught
    assert await db.call(backend_pid) != before


async def test_a_call_that_was_cancelled_before_it_began_ends_at_once(db: Database) -> None:
    async def doze(session: Session) -> None:
        await session.fetch("SELECT pg_sleep(10)")

    with trio.fail_after(2), trio.CancelScope() as scope:
        scope.cancel()
        await db.call(doze)

    assert scope.cancelled_caught


async def test_trio_goes_on_while_the_database_works(db: Database) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await trio.sleep(0.005)
            ticks += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        await db.run(pause, 0.1)
        nursery.cancel_scope.cancel()

    assert ticks >= 5


# Refused, or perhaps done.


async def test_a_refused_statement_keeps_its_connection(db: Database) -> None:
    before = await db.call(backend_pid)

    with pytest.raises(StatementRefused, match="22012 division by zero") as raised:
        await db.call(fail)

    assert raised.value.sqlstate == "22012"
    assert await db.call(backend_pid) == before


async def test_a_lost_connection_is_in_doubt_and_replaced(db: Database) -> None:
    before = await db.call(backend_pid)

    with pytest.raises(DatabaseUnavailable):
        await db.call(end_itself)

    assert await db.call(backend_pid) != before


async def test_the_text_of_a_refusal_does_not_quote_the_row(db: Database) -> None:
    async def insert(session: Session) -> None:
        await session.execute(
            "CREATE TEMP TABLE cards (owner TEXT NOT NULL, number TEXT);"
            "INSERT INTO cards VALUES (NULL, 'not to be seen')"
        )

    with pytest.raises(StatementRefused, match="23502") as raised:
        await db.call(insert)

    assert "not to be seen" not in str(raised.value)


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    async def half(session: Session) -> None:
        await session.execute("CREATE TEMP TABLE notes (text TEXT)")
        async with session.transaction():
            await session.execute("INSERT INTO notes VALUES ('first')")
            raise ZeroDivisionError

    async def survivors(session: Session) -> int:
        with pytest.raises(ZeroDivisionError):
            await half(session)
        return int((await session.fetch("SELECT count(*) FROM notes"))[0][0])

    assert await db.call(survivors) == 0


async def test_a_notice_makes_an_answer_ambiguous_and_chatter_does_not(db: Database) -> None:
    async def say(session: Session, level: str) -> None:
        with session.unambiguous():
            await session.execute(f"DO $$ BEGIN RAISE {level} 'hm'; END $$")

    await db.call(say, "NOTICE")
    with pytest.raises(DatabaseUnavailable, match="notice during a commit: 01000 hm"):
        await db.call(say, "WARNING")


async def test_borrowing_within_a_time_ends_with_it(db: Database) -> None:
    async def doze(session: Session) -> None:
        await session.fetch("SELECT pg_sleep(10)")

    with trio.fail_after(2):
        with pytest.raises(DatabaseUnavailable):
            await db.run(lambda: db.borrow_within(0.05, doze))


# Hosts.


async def test_no_host_that_answers_is_one_reason_for_each() -> None:
    nowhere = "postgresql://bashgah@127.0.0.1:1,127.0.0.1:2/bashgah"
    with Database(nowhere) as db, pytest.raises(DatabaseUnavailable) as raised:
        await db.call(add, 2, 3)

    assert str(raised.value).count("Connection refused") == 2


async def test_a_host_that_is_frozen_does_not_delay_one_that_answers(database: str) -> None:
    """The listener accepts by its backlog and never says a word, as a stopped server does."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        host, _, options = database.partition("?")[2].partition("&")
        both = database.replace(host, f"{host},127.0.0.1").replace(
            options, options.replace("port=5432", f"port=5432,{frozen.getsockname()[1]}")
        )
        assert len(split_hosts(both)) == 2
        with Database(both) as db:
            began_at = time.monotonic()
            assert await db.call(add, 2, 3) == 5
            elapsed_seconds = time.monotonic() - began_at

    assert elapsed_seconds < CONNECT_SECONDS_MAX


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        ("postgresql://u:p@a:1/d?x=1", ("postgresql://u:p@a:1/d?x=1",)),
        ("postgresql://u@a:1,b:2/d", ("postgresql://u@a:1/d", "postgresql://u@b:2/d")),
        ("postgresql://a,b/d", ("postgresql://a/d", "postgresql://b/d")),
        (
            "postgresql://u@/d?host=a,b&port=1,2",
            ("postgresql://u@/d?host=a&port=1", "postgresql://u@/d?host=b&port=2"),
        ),
        (
            "postgresql://u@/d?host=a,b&port=7",
            ("postgresql://u@/d?host=a&port=7", "postgresql://u@/d?host=b&port=7"),
        ),
        ("postgresql://u@/d?host=%2Fa", ("postgresql://u@/d?host=%2Fa",)),
    ],
)
def test_a_dsn_is_split_into_its_hosts(dsn: str, hosts: tuple[str, ...]) -> None:
    assert split_hosts(dsn) == hosts


# Leaving.


async def test_closing_ends_what_is_still_running(database: str) -> None:
    ended = []

    async def doze(session: Session) -> None:
        await session.fetch("SELECT pg_sleep(60)")

    async def call(db: Database) -> None:
        with pytest.raises(DatabaseUnavailable):
            await db.call(doze)
        ended.append(True)

    async with trio.open_nursery() as nursery:
        with Database(database) as db:
            nursery.start_soon(call, db)
            await db.call(add, 2, 3)
            await trio.sleep(0.05)

    assert ended == [True]


def test_closing_leaves_no_thread_and_no_connection(database: str) -> None:
    with Database(database) as db:
        db.call_sync(add, 2, 3)

    assert "bashgah-database" not in [thread.name for thread in threading.enumerate()]
    with Database(database) as db:

        async def others(session: Session) -> int:
            rows = await session.fetch(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return int(rows[0][0])

        deadline = time.monotonic() + 2
        while (left := db.call_sync(others)) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert left == 0


async def policy_after_stepping_back(session: Session) -> int:
    await session.step_back()
    return os.sched_getscheduler(await backend_pid(session))


async def test_a_session_that_steps_back_lets_others_work_first(db: Database) -> None:
    assert await db.call(policy_after_stepping_back) == os.SCHED_IDLE
