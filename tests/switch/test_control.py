"""Operators at a switch that serves: over the real socket, with a server and its gate beside it."""

import base64
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
import trio

from switch._security import card_proofs
from switch.control import Desk
from switch.errors import OperatingError
from switch.events import encode_event
from switch.limits import CONTROL_CARDS_MAX, CONTROL_CONNECTIONS_MAX, CONTROL_LINE_BYTES_MAX
from switch.local_sockets import connect_to, listen_at
from switch.versions import DAY_SECONDS
from tests.support.gate_bench import Bench, serving
from tests.support.shop import PANS, TERMINALS
from tests.support.versions import announced, approved, checked, drafted

CARD = 0
RESET = {"type": "pin_tries_reset", "card": CARD, "why": "asked"}
BLOCK = {"type": "card_status_changed", "card": CARD, "status": 1}


class Operator:
    """One connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._data = b""

    async def say(self, line: bytes) -> dict[str, Any]:
        """Send a line, give the answer; empty when the switch has hung up."""
        await self.stream.send_all(line)
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        with trio.fail_after(10):
            while b"\n" not in self._data:
                more = await self.stream.receive_some()
                if not more:
                    return {}
                self._data += more
        line, self._data = self._data.split(b"\n", 1)
        found: dict[str, Any] = json.loads(line)
        return found

    async def ask(self, **fields: Any) -> dict[str, Any]:
        return await self.say(json.dumps(fields).encode() + b"\n")

    async def record(self, event: dict[str, Any], key: str = "k1") -> dict[str, Any]:
        return await self.ask(do="record", key=key, by="sara", event=event)


class Office:
    """A switch, and where its operators come in."""

    def __init__(self, bench: Bench, directory: Path) -> None:
        self.bench = bench
        self._directory = directory
        self.operators: list[Operator] = []

    async def operator(self) -> Operator:
        link = socket.socket(socket.AF_UNIX)
        connect_to(link, self._directory, 0)
        link.setblocking(False)
        self.operators.append(Operator(trio.SocketStream(trio.socket.from_stdlib_socket(link))))
        return self.operators[-1]


@asynccontextmanager
async def office(
    directory: Path, *, ours: bool = True, delay_seconds: float = 0.0
) -> AsyncIterator[Office]:
    async with serving(delay_seconds=delay_seconds) as bench, trio.open_nursery() as nursery:
        shop = bench.shop
        desk = Desk(
            core=shop.core,
            directory=shop.directory,
            recorder=bench.server,
            owns=lambda token: ours,
        )
        nursery.start_soon(desk.serve, listen_at(directory / "control", 0))
        here = Office(bench, directory / "control")
        yield here
        for operator in here.operators:
            operator.stream.socket.close()
        nursery.cancel_scope.cancel()


def cards_added(count: int, first: int = 0) -> dict[str, Any]:
    def text(data: bytes) -> str:
        return base64.b64encode(data).decode("ascii")

    return {
        "type": "cards_added",
        "programme": 1,
        "tokens": text(b"".join((first + n).to_bytes(16) for n in range(count))),
        "expiries": text((3012).to_bytes(2, "little") * count),
        "first6": text((936400).to_bytes(4, "little") * count),
        "last4": text((7907).to_bytes(2, "little") * count),
        "pvvs": text((4402).to_bytes(2, "little") * count),
        "pvkis": text(b"\x01" * count),
    }


async def test_an_event_takes_effect_and_is_durable_when_it_is_answered(tmp_path: Path) -> None:
    async with office(tmp_path, delay_seconds=0.02) as here:
        operator = await here.operator()
        link = await here.bench.connect()

        answer = await operator.record(BLOCK)
        durable = here.bench.journal.durable_seq
        reply = await link.ask(here.bench.shop.message(amount_minor=1_000, card=CARD))

    assert answer == {"is": "recorded", "seq": durable, "repeated": False}
    assert reply[39] == "62"


async def test_who_asked_is_written_down_once(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with office(tmp_path) as here:
            operator = await here.operator()
            answer = await operator.record(RESET)
            await operator.record(RESET)

    (line,) = (line for line in lines if line["event"] == "control")
    assert line["by"] == "sara"
    assert (line["type"], line["seq"]) == ("pin_tries_reset", answer["seq"])
    assert line["uid"] == os.geteuid()


async def test_a_request_that_is_repeated_is_not_done_again(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        operator, other = await here.operator(), await here.operator()

        first = await operator.record(RESET)
        again = await other.record(RESET)
        new = await operator.record(RESET, key="k2")
        misused = await operator.record(BLOCK, key="k1")

    assert again == {**first, "repeated": True}
    assert new["seq"] == first["seq"] + 1
    assert misused["error"] == "this key was used for another event"


@pytest.mark.slow
async def test_ten_thousand_cards_fit_and_cannot_be_added_twice(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        operator = await here.operator()
        event = cards_added(CONTROL_CARDS_MAX)

        answer = await operator.record(event)
        again = await operator.record(event, key="k2")
        tokens = [n.to_bytes(16).hex().upper() for n in range(CONTROL_CARDS_MAX)]
        found = await operator.ask(do="find_cards", tokens=tokens)
        core = here.bench.shop.core
        proofs = card_proofs(core, found["cards"][-1]["card"])

    assert answer["is"] == "recorded"
    assert again["error"] == "a card that is known already"
    assert found["cards"][0]["pan"] == "936400******7907"
    assert proofs == (0, 4402, None)


async def test_cards_and_terminals_are_found_by_name(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        operator = await here.operator()
        token = here.bench.shop.core.token_of(PANS[2]).hex().upper()

        cards = await operator.ask(do="find_cards", tokens=[token, "0" * 32])
        names = [["581672", list(TERMINALS)[1]], ["581672", "T9999999"], ["1", "T0000001"]]
        terminals = await operator.ask(do="find_terminals", terminals=names)

    assert [card and card["card"] for card in cards["cards"]] == [2, None]
    assert terminals["numbers"] == [1, None, None]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "pin_tries_reset", "card": 99}, "card 99 is not known"),
        ({"type": "pin_tries_reset", "card": "7"}, "Expected int, got str - at $.card"),
        ({"type": "pin_tries_reset", "card": 1, "whyy": ""}, "unknown field - at $.whyy"),
        ({"type": "pin_tries_reset", "card": 1, "why": "\0"}, "the character NUL"),
        ({"type": "no_such"}, "Invalid value 'no_such' - at $.type"),
        ({"type": "taken_over", "owner": "me"}, "a process takes its shard over"),
        (
            {
                "type": "clock_progress",
                "task": "x",
                "programme": 1,
                "period_day": 1,
                "next_card": 9,
            },
            "by who does it",
        ),
        ({"type": "card_reissued", "card": 0, "expires_yymm": 3013}, "no month"),
        ({"type": "card_reissued", "card": 0, "expires_yymm": 2001}, "good for as long already"),
        ({"type": "issuer_told", "debt": 7}, "is written by who asked"),
        (
            {"type": "club_added", "club": 1, "name": "", "name_fa": "", "currency": 364},
            "club 1 is known already",
        ),
        (
            {"type": "club_added", "club": 9, "name": "", "name_fa": "", "currency": 1 << 40},
            "club_added: ",
        ),
        (
            {"type": "terminal_added", "terminal_id": "ترمینال", "acquirer": 1, "merchant_id": ""},
            "at $.terminal_id",
        ),
        (
            {
                "type": "terminal_added",
                "terminal_id": "ترمینال۱",
                "acquirer": 1,
                "merchant_id": "CAFE00000000001",
            },
            "terminal_added: ",
        ),
    ],
)
async def test_an_event_that_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, event: dict[str, Any], error: str
) -> None:
    async with office(tmp_path) as here:
        operator = await here.operator()
        before = here.bench.shop.core.last_seq, here.bench.shop.state()

        answer = await operator.record(event)
        after = here.bench.shop.core.last_seq, here.bench.shop.state()
        good = await operator.record(RESET)

    assert answer["is"] == "refused"
    assert error in answer["error"]
    assert after == before
    assert good["is"] == "recorded"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"\xff\xfe\x00\n",
        b"GET / HTTP/1.1\r\n",
        b"{}\n",
        b'{"do":"record","key":"k","by":"sara","event":' + b"[" * 200_000 + b"\n",
        b'{"do":"record","key":"k","by":"a b","event":{}}\n',
        b'{"do":"record","key":"k","by":"sara","event":{"type":"pin_tries_reset","card":1}\n',
        b'{"do":"find_cards","tokens":["xyz"]}\n',
        b'{"do":"find_cards","tokens":[],"more":1}\n',
    ],
)
async def test_garbage_is_refused_and_disturbs_nobody(tmp_path: Path, garbage: bytes) -> None:
    async with office(tmp_path) as here:
        operator = await here.operator()
        link = await here.bench.connect()

        answer = await operator.say(garbage)
        reply = await link.ask(here.bench.shop.message("0200", "210000", 1_000))
        good = await operator.record(RESET)

    assert answer["is"] == "refused"
    assert reply[39] == "00"
    assert good["is"] == "recorded"


async def test_a_line_without_end_is_cut_off(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        operator = await here.operator()

        answer = await operator.say(b"a" * (CONTROL_LINE_BYTES_MAX + 100_000))
        good = await (await here.operator()).record(RESET)

    assert answer["error"] == "a line has 1,048,576 bytes at most"
    assert good["is"] == "recorded"


async def test_operators_beyond_the_bound_are_sent_away(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        operators = [await here.operator() for _ in range(CONTROL_CONNECTIONS_MAX)]
        answers = [await operator.record(RESET) for operator in operators]
        refused = await (await here.operator()).answer()
        await operators[0].stream.aclose()
        await trio.sleep(0.05)
        good = await (await here.operator()).record(RESET)

    assert {answer["is"] for answer in answers} == {"recorded"}
    assert refused["error"] == "too many operators at once"
    assert good["is"] == "recorded"


async def test_an_operator_who_hangs_up_is_not_waited_for(tmp_path: Path) -> None:
    async with office(tmp_path, delay_seconds=0.05) as here:
        operator = await here.operator()
        line = json.dumps({"do": "record", "key": "k1", "by": "sara", "event": RESET})
        await operator.stream.send_all(line.encode() + b"\n")
        await operator.stream.aclose()

        again = await (await here.operator()).record(RESET)

    assert again["is"] == "recorded"


async def test_nothing_is_recorded_while_the_journal_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.server.COMMIT_SECONDS_MAX", 0.05)
    async with office(tmp_path) as here:
        operator, link = await here.operator(), await here.bench.connect()
        here.bench.journal.stall()
        await link.send(here.bench.shop.message("0200", "210000", 1_000))
        await here.bench.wait_until(lambda: not here.bench.server.available)
        before = here.bench.shop.core.last_seq

        answer = await operator.record(RESET)
        after = here.bench.shop.core.last_seq

    assert answer["error"] == "the journal cannot be written now"
    assert after == before


async def test_a_row_that_does_not_become_durable_is_in_doubt_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.control.CONTROL_DURABLE_SECONDS_MAX", 0.05)
    async with office(tmp_path) as here:
        operator = await here.operator()
        here.bench.journal.stall()

        doubtful = await operator.record(RESET)
        here.bench.journal.go_on()
        again = await operator.record(RESET)

    assert doubtful["in_doubt"] is True
    assert again["is"] == "recorded"
    assert again["repeated"] is True


async def test_cards_of_another_shard_are_refused(tmp_path: Path) -> None:
    async with office(tmp_path, ours=False) as here:
        answer = await (await here.operator()).record(cards_added(1))

    assert answer["error"] == "cards of another shard"


@pytest.mark.parametrize("mode", [0o755, 0o710])
def test_a_directory_that_others_can_enter_is_no_place_for_operators(
    tmp_path: Path, mode: int
) -> None:
    tmp_path.chmod(mode)

    with pytest.raises(OperatingError, match="must be ours with mode 0700"):
        listen_at(tmp_path, 0)


async def test_versions_are_found_and_a_step_is_its_askers_own(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        operator, shop = await here.operator(), here.bench.shop
        definition = msgspec.structs.replace(shop.directory.programmes[1], version=2)
        step = json.loads(encode_event(drafted(shop, definition)))

        as_another = await operator.record({**step, "by": "reza"})
        answer = await operator.record(step)
        live_event = {"type": "programme_live", "definition": step["definition"]}
        live = await operator.record(live_event, key="k2")
        found = await operator.ask(do="find_programmes", programme=1)

    assert as_another["error"] == "sara asks, and the step says reza"
    assert answer["is"] == "recorded"
    assert live["error"] == "a version goes live on the day for which it was announced"
    states = [one["steps"][-1]["state"] for one in found["versions"]]
    assert states == ["live", "draft"]


@pytest.mark.slow
async def test_a_version_goes_live_by_the_clock_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began_s = time.time()
    async with office(tmp_path) as here:
        shop, link = here.bench.shop, await here.bench.connect()
        now = msgspec.structs.replace(shop.directory.programmes[1], version=2, commission_bps=9)
        for step in (drafted, checked, approved):
            here.bench.server.record(step(shop, now))
        here.bench.server.record(announced(shop, now, in_days=1))
        versions = shop.directory.versions
        monkeypatch.setattr("switch.server.time.time", lambda: began_s + 2 * DAY_SECONDS)
        await here.bench.wait_until(lambda: versions.get(1, 2).state == "live")
        seq = shop.core.last_seq
        await trio.sleep(1.2)
        monkeypatch.undo()
        reply = await link.ask(shop.message("0200", "210000", 1_000))

    assert shop.core.last_seq == seq + 1
    assert reply[39] == "00"
    assert versions.get(1, 1).state == "retired"
