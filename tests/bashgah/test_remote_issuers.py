"""Another bank's cards at a whole site: the switch is killed between question and answer.

Method: a real switch and PostgreSQL, a bank of another make in this process. Whatever the switch
knew when it died, in the end the bank's books and the journal say the same.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from bashgah import demo
from bashgah.demo import with_check_digit
from bashgah.demo_site import HOST
from bashgah.site import Site
from switch.config import FramingOverride, Issuer
from switch.events import ProgrammeLive, encode_event
from switch.iso8583 import Message
from switch.ledger.database import Database
from switch.ledger.session import Session
from tests.bashgah.test_control_commands import WIRE, bashgah
from tests.support.bank_host import OURS, Account, BankHost, Mood, serving_bank
from tests.support.gate_bench import Link
from tests.support.remote_site import BANK, PROGRAMME, remote_programme
from tests.support.site import running_site

PANS = tuple(with_check_digit(f"62198610{number:07d}") for number in range(3))
PAN = PANS[0]
RICH = 1_000_000
TERMINAL, MERCHANT = demo.TERMINALS[7]

STANDS = """
SELECT coalesce(sum(CASE operation WHEN 1 THEN approved_minor ELSE -approved_minor END),
                0)::BIGINT
       AS minor
  FROM journal
 WHERE programme = $1 AND operation IN (1, 3, 10) AND response_code = '00'
   AND reason NOT IN (69, 70, 72)
"""
EVENTS = """
SELECT coalesce(string_agg(event::TEXT, '' ORDER BY seq), '') AS events FROM journal
 WHERE event->>'type' LIKE 'issuer_%'
"""


class Branch:
    """A site, its bank, and a terminal."""

    def __init__(self, site: Site, bank: BankHost) -> None:
        self.site = site
        self.bank = bank
        self.stan = 0
        self.links: list[Link] = []

    def message(self, mti: str = "0200", **elements: str) -> Message:
        self.stan += 1
        local = time.gmtime(time.time() + 12_600)
        told: dict[int | str, str] = {
            2: PAN,
            3: "000000",
            4: f"{10_000:012d}",
            11: f"{self.stan:06d}",
            12: time.strftime("%H%M%S", local),
            13: time.strftime("%m%d", local),
            41: TERMINAL,
            42: MERCHANT,
            49: "364",
        }
        return Message(mti, told | {int(key[2:]): value for key, value in elements.items()})

    def reversal(self, of: Message) -> Message:
        return self.message("0400", de90=f"0200{of[11]}{of[13]}{of[12]}" + "0" * 22)

    async def connect(self) -> Link:
        stream = await trio.open_tcp_stream(HOST, self.site.config.listener[0].port)
        self.links.append(Link(stream, WIRE.framing, WIRE.spec))
        return self.links[-1]

    def hang_up(self) -> None:
        """Close the terminal's connections."""
        for link in self.links:
            link.stream.socket.close()

    async def kill(self) -> None:
        """Kill -9, and start again."""
        self.site.switch.kill()
        self.site.switch.start()
        await self.site.switch.wait_ready()

    async def asked(self, count: int) -> None:
        """Wait until the bank has heard so many messages."""
        with trio.fail_after(20):
            while len(self.bank.heard) < count:  # noqa: ASYNC110 (a list has no event)
                await trio.sleep(0.01)

    async def query(self, statement: str, *arguments: object) -> object:
        async def work(session: Session) -> object:
            (row,) = await session.fetch(statement, *arguments)
            return next(iter(dict(row).values()))

        with Database(self.site.dsn) as database:
            return await database.call(work)

    async def agreed(self) -> int:
        """Wait until the bank's books and the journal say the same; gives what stands."""
        with trio.fail_after(30):
            while True:
                stands = await self.query(STANDS, PROGRAMME)
                if stands == RICH - self.bank.accounts[PAN].balance_minor:
                    assert stands == sum(cost for _, cost in self.bank.posted.values())
                    return int(str(stands))
                await trio.sleep(0.05)

    async def told(self, count: int) -> None:
        """Wait until the journal says of so many debts that they are told."""
        with trio.fail_after(30):
            while True:
                if str(await self.query(EVENTS)).count("issuer_told") >= count:
                    return
                await trio.sleep(0.05)


@asynccontextmanager
async def branch(files: Path) -> AsyncIterator[Branch]:
    bank = BankHost({pan: Account(RICH) for pan in PANS}, bytes(16))
    async with serving_bank(bank) as port:
        issuer = Issuer(
            name=BANK,
            port=port,
            institution=OURS,
            framing=FramingOverride(length="binary2"),
            answer_seconds_max=2.0,
        )
        async with running_site(lambda line: None, issuers=(issuer,)) as site:
            file = files / "bank.jsonl"
            file.write_bytes(encode_event(ProgrammeLive(definition=remote_programme())) + b"\n")
            ended = await trio.to_thread.run_sync(
                lambda: bashgah(
                    *("record", str(file)), *("--config", str(site.config_path), "--by", "sara")
                )
            )
            assert ended.returncode == 0, ended.stderr
            with trio.fail_after(20):
                while not bank.signed_on:  # noqa: ASYNC110 (a counter has no event)
                    await trio.sleep(0.01)
            here = Branch(site, bank)
            try:
                yield here
            finally:
                here.hang_up()


@pytest.mark.slow
@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.DEAF], ids=lambda mood: mood.name.lower())
async def test_a_switch_that_dies_between_question_and_answer_owes_nothing(
    tmp_path: Path, mood: Mood
) -> None:
    async with branch(tmp_path) as here:
        link = await here.connect()
        first = await link.ask(here.message())
        here.bank.mood = mood
        message = here.message()
        await link.send(message)
        await here.asked(2)

        here.bank.mood = Mood.WELL
        await here.kill()
        link = await here.connect()
        await here.told(1)
        stands = await here.agreed()
        again = await link.ask(message)
        after = await here.agreed()
        await here.site.stop_switch()
        verified = await trio.to_thread.run_sync(
            bashgah, "verify", "--config", str(here.site.config_path)
        )

    assert first[39] == "00"
    assert stands == 10_000
    assert again[39] == "00"  # nobody was told anything of the first: it is asked anew
    assert after == 20_000
    assert verified.returncode == 0, verified.stdout


@pytest.mark.slow
async def test_a_reversal_is_told_by_the_process_that_comes_after(tmp_path: Path) -> None:
    """The journal knows what the bank was asked, and the bank does it once."""
    async with branch(tmp_path) as here:
        link = await here.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.bank.mood = Mood.SILENT
        reply = await link.ask(here.reversal(bought))
        await here.asked(2)

        here.bank.mood = Mood.WELL
        await here.kill()
        await here.told(1)
        stands = await here.agreed()
        log = (here.site.data_dir / "switch.log").read_text()
        events = str(await here.query(EVENTS))

    assert reply[39] == "00"
    assert stands == 0
    told = [asked for asked in here.bank.heard if asked["t"].startswith("042")]
    assert len(told) >= 2
    assert len({(one["11"], one["7"], one["90"]) for one in told}) == 1
    for secret in (PAN, PAN[6:-4]):
        assert secret not in log + events


@pytest.mark.slow
async def test_killed_at_any_moment_both_books_agree(tmp_path: Path) -> None:
    async with branch(tmp_path) as here:
        for pause_s in (0.0, 0.002, 0.005, 0.02):
            link = await here.connect()
            await link.send(*(here.message() for _ in range(20)))
            await trio.sleep(pause_s)
            await here.kill()

        stands = await here.agreed()
        await here.site.stop_switch()
        verified = await trio.to_thread.run_sync(
            bashgah, "verify", "--config", str(here.site.config_path)
        )

    assert stands % 10_000 == 0
    assert verified.returncode == 0, verified.stdout
