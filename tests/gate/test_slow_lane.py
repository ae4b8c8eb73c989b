"""Programmes priced in Python, through the gate: the same answers, and nobody else disturbed."""

import time
from collections.abc import Callable

import msgspec
import structlog
import trio
from structlog.testing import capture_logs

from issuers.purse_in_python import NAME, price, purse_in_python
from switch import limits
from switch.iso8583 import Message
from switch.pricing import Asked, Declined, Priced
from tests.gate.test_metrics import scrape, value
from tests.support.gate_bench import CARDS, GENEROUS, Bench, serving
from tests.support.shop import PANS

PROGRAMME = purse_in_python(1, 1, 1, GENEROUS)


def pricing(function: Callable[[Asked], Priced | Declined]) -> dict[str, object]:
    """Have the purse's cards priced by a function of the test's."""
    return {"programme": PROGRAMME, "pricings": {NAME: function}}


async def conversation(bench: Bench) -> list[dict[int | str, str]]:
    """Say everything that a programme prices; what was said, without what the clock decides."""
    link = await bench.connect()
    shop = bench.shop
    replies = []

    async def ask(mti: str, code: str, amount_minor: int, **extra: str) -> Message:
        elements: dict[int | str, str | None] = {
            int(key[1:]) if key[0] == "e" else f"48.{key}": text for key, text in extra.items()
        }
        message = shop.message(mti, code, amount_minor, extra=elements)
        reply = await link.ask(message)
        told = dict(reply.items())
        for clock in ("12", "13"):
            told.pop(clock, None)
        if "90" in told:  # all but the original's time
            told["90"] = told["90"][:10] + told["90"][20:]
        replies.append(told)
        return message

    def original(message: Message) -> str:
        return f"{message.mti}{message[11]}{message[13]}{message[12]}" + "0" * 22

    await ask("0200", "210000", 5_000_000)
    bought = await ask("0200", "000000", 2_000_000)
    await ask("0200", "000000", 300_000, PR="100")
    await ask("0200", "006000", 20_000)
    await ask("0200", "000000", 90_000_000, PA="1")
    await ask("0200", "000000", 90_000_000)
    await ask("0200", "200000", 400_000, e90=original(bought))
    held = await ask("0100", "000000", 300_000)
    await ask("0220", "000000", 250_000, e90=original(held))
    await ask("0400", "000000", 2_000_000, e90=original(bought))
    await ask("0200", "310000", 0)
    return replies


async def test_the_result_never_says_which_lane_it_was() -> None:
    async with serving() as bench:
        fast = await conversation(bench)
        assert bench.gate.statistics()["slow"] == 0
    async with serving(programme=PROGRAMME) as bench:
        slow = await conversation(bench)
        statistics = bench.gate.statistics()

        lanes = [line["lane"] for line in bench.lines("exchange")]

    assert slow == fast
    assert (statistics["slow"], statistics["parked"]) == (7, 0)
    assert lanes.count("slow") == 7


async def said_in_one_breath(bench: Bench) -> list[tuple[str, str, str]]:
    """Send what depends on what comes before it, without waiting; (STAN, code, reason) of each."""
    shop = bench.shop
    link = await bench.connect()

    def original(message: Message) -> dict[int | str, str | None]:
        return {90: f"{message.mti}{message[11]}{message[13]}{message[12]}" + "0" * 22}

    too_early = shop.message(amount_minor=300_000)
    load = shop.message("0200", "210000", 5_000_000)
    bought = shop.message(amount_minor=2_000_000)
    hold = shop.message("0100", amount_minor=500_000)
    messages = [
        too_early,
        load,
        bought,
        shop.message("0400", amount_minor=2_000_000, extra=original(bought)),
        hold,
        shop.message("0220", amount_minor=400_000, extra=original(hold)),
        shop.message("0200", "310000", None),
        bought,
        shop.message("0200", "200000", 1_000, extra=original(bought)),
    ]
    await link.send(*messages)
    replies = [await link.reply() for _ in messages]
    return [(reply[11], reply[39], reply.get(54, "")) for reply in replies]


async def test_nothing_overtakes_on_its_own_connection() -> None:
    async with serving() as bench:
        fast = await said_in_one_breath(bench)
    async with serving(programme=PROGRAMME) as bench:
        slow = await said_in_one_breath(bench)
        assert bench.gate.statistics()["parked"] == 0

    assert slow == fast
    assert [code for _, code, _ in fast] == ["51", "00", "00", "00", "00", "00", "00", "00", "12"]


async def test_many_at_once_are_priced_in_the_order_in_which_they_came() -> None:
    amounts: list[int] = []

    def note(asked: Asked) -> Priced | Declined:
        amounts.append(asked.amount_minor)
        return price(asked)

    async with serving(**pricing(note)) as bench:  # type: ignore[arg-type]  # two of its arguments
        await bench.load()
        link = await bench.connect()
        wanted = [1_000 + number for number in range(500)]
        messages = [
            bench.shop.message(amount_minor=amount, card=CARDS[amount % len(CARDS)])
            for amount in wanted
        ]

        await link.send(*messages)
        replies = [await link.reply() for _ in messages]

        assert amounts == wanted
        assert [int(reply[4]) for reply in replies] == wanted
        assert {reply[39] for reply in replies} == {"00"}
        assert bench.shop.core.imbalances() == []


async def test_a_purse_is_spent_once_however_many_want_it_at_the_same_time() -> None:
    async with serving(programme=PROGRAMME) as bench:
        link = await bench.connect()
        await link.ask(bench.shop.message("0200", "210000", 1_000_000))

        await link.send(*(bench.shop.message(amount_minor=900_000) for _ in range(10)))
        codes = [(await link.reply())[39] for _ in range(10)]

        assert codes == ["00"] + ["51"] * 9
        assert bench.shop.money() in (100_000, 190_000)  # a tenth off at the weekend


async def test_a_repeat_in_the_same_breath_is_answered_once_for_both() -> None:
    async with serving(programme=PROGRAMME) as bench:
        await bench.load()
        link = await bench.connect()
        message = bench.shop.message(amount_minor=1_000)

        await link.send(message, message)
        first, again = await link.reply_bytes(), await link.reply_bytes()

        assert first == again
        assert bench.gate.pricer.statistics()["calls"] == {NAME: 1}


def fails_on_odd(asked: Asked) -> Priced | Declined:
    if asked.amount_minor % 2:
        raise LookupError(f"no price for {asked.amount_minor}")
    return price(asked)


async def test_a_function_that_raises_costs_its_own_messages_and_one_line_of_log() -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        async with serving(**pricing(fails_on_odd)) as bench:  # type: ignore[arg-type]  # the same
            await bench.load()
            link = await bench.connect()
            await link.send(
                *(bench.shop.message(amount_minor=1_000 + number) for number in range(20))
            )
            codes = [(await link.reply())[39] for _ in range(20)]
            families = scrape(bench)

    assert codes == ["00", "96"] * 10
    (line,) = [line for line in lines if line["event"] == "pricing_trouble"]
    assert (line["pricing"], line["error"]) == (NAME, "LookupError")
    assert line["text"] == "no price for 1001"
    assert not any(pan in repr(lines) for pan in PANS)
    assert value(families, "bashgah_pricings_total", pricing=NAME) == 20
    assert value(families, "bashgah_pricing_failures_total", pricing=NAME) == 10
    assert value(families, "bashgah_pricing_seconds_total") > 0
    assert value(families, "bashgah_declines_total", response_code="96",
                 reason="pricing_failed") == 10  # fmt: skip


async def test_a_slow_function_leaves_turns_to_the_fast_lane_and_is_told_of() -> None:
    def slow(asked: Asked) -> Priced | Declined:
        until = time.monotonic() + limits.PRICING_SLOW_US / 1e6 + 0.01
        while time.monotonic() < until:
            pass
        return price(asked)

    structlog.reset_defaults()
    with capture_logs() as lines:
        async with serving(**pricing(slow)) as bench:  # type: ignore[arg-type]  # the same
            await bench.load()
            link, other = await bench.connect(), await bench.connect()
            await link.send(*(bench.shop.message(amount_minor=1_000) for _ in range(10)))
            await bench.wait_until(lambda: bench.gate.statistics()["slow"] > 0)

            balance = await other.ask(bench.shop.message("0200", "310000", None, card=1))
            waiting = bench.gate.statistics()["parked"]
            codes = {(await link.reply())[39] for _ in range(10)}

    assert balance[39] == "00"
    assert waiting > 0, "the balance came after everything that was slow"
    assert codes == {"00"}
    troubles = [line["error"] for line in lines if line["event"] == "pricing_trouble"]
    assert troubles == ["Slow"]


async def test_a_connection_that_is_gone_is_not_priced() -> None:
    def slow(asked: Asked) -> Priced | Declined:
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            pass
        return price(asked)

    async with serving(**pricing(slow)) as bench:  # type: ignore[arg-type]  # the same
        await bench.load()
        link = await bench.connect()
        await link.send(*(bench.shop.message(amount_minor=1_000) for _ in range(20)))
        await bench.wait_until(lambda: bench.gate.statistics()["slow"] > 0)

        link.vanish()
        await bench.wait_until(lambda: bench.gate.statistics()["parked"] == 0)

        assert bench.gate.statistics()["undeliverable"] > 0
        assert bench.gate.pricer.statistics()["calls"][NAME] < 20


async def test_too_many_at_once_get_91_and_what_waits_is_still_priced() -> None:
    count = limits.PRICE_QUEUE_MAX + 1_000

    def slow(asked: Asked) -> Priced | Declined:
        until = time.monotonic() + 0.0002  # messages come faster than they are priced
        while time.monotonic() < until:
            pass
        return price(asked)

    async with serving(**pricing(slow)) as bench:  # type: ignore[arg-type]  # the same
        await bench.load()
        shares = count // 20
        links = [await bench.connect() for _ in range(20)]
        frames = [
            b"".join(
                link.frame(bench.shop.message(amount_minor=1_000, card=CARDS[number % 4]))
                for number in range(shares)
            )
            for link in links
        ]
        codes: list[str] = []

        async def read(at: int) -> None:
            for _ in range(shares):
                codes.append((await links[at].reply())[39])

        async with trio.open_nursery() as nursery:
            for link, data in zip(links, frames, strict=True):
                nursery.start_soon(link.stream.send_all, data)
            for at in range(len(links)):
                nursery.start_soon(read, at)

        assert len(codes) == shares * len(links)
        assert set(codes) == {"00", "91"}
        assert codes.count("00") >= limits.PRICE_QUEUE_MAX
        assert bench.gate.statistics()["parked"] == 0
        assert bench.shop.core.imbalances() == []


async def test_what_has_come_in_is_answered_before_the_end() -> None:
    def slow(asked: Asked) -> Priced | Declined:
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            pass
        return price(asked)

    async with serving(**pricing(slow)) as bench:  # type: ignore[arg-type]  # the same
        await bench.load()
        link = await bench.connect()
        await link.send(*(bench.shop.message(amount_minor=1_000) for _ in range(10)))
        await bench.wait_until(lambda: bench.gate.statistics()["slow"] > 0)

        bench.server.stop()
        codes = [(await link.reply())[39] for _ in range(10)]

        assert codes == ["00"] * 10


def test_a_programme_of_the_slow_lane_is_data_too() -> None:
    assert msgspec.json.decode(msgspec.json.encode(PROGRAMME), type=type(PROGRAMME)) == PROGRAMME
