"""A bank that is silent, late, deaf, garbled or gone: what may have happened there is undone.

Method: a bank of another make on a real socket keeps its own books; whatever went wrong on the way,
in the end both books say the same.
"""

import pytest
import trio

from tests.support.bank_host import Mood
from tests.support.remote_site import ANSWER_SECONDS_MAX, remote_site

NO_ANSWER = [Mood.SILENT, Mood.DEAF, Mood.CUTS, Mood.GARBLES, Mood.OTHER_AMOUNT, Mood.PARTIAL]


@pytest.mark.slow
@pytest.mark.parametrize("mood", NO_ANSWER, ids=lambda mood: mood.name.lower())
async def test_what_may_have_happened_is_declined_and_reversed(mood: Mood) -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        assert (await link.ask(here.message()))[39] == "00"
        here.bank.mood = mood
        message = here.message()

        reply = await link.ask(message)
        here.bank.mood = Mood.WELL
        again = await link.ask(message)
        await here.settled(15.0)

        assert (reply[39], reply["48.RC"]) == ("91", "issuer_timeout")
        assert again == reply
        here.expect_agreement()
        assert here.owed_by() == 10_000
        assert not here.rebuilt().issuers.owed


@pytest.mark.slow
@pytest.mark.parametrize("mood", NO_ANSWER, ids=lambda mood: mood.name.lower())
async def test_a_refund_that_may_have_happened_is_reversed(mood: Mood) -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.bank.mood = mood

        reply = await link.ask(here.refund(bought, 4_000))
        here.bank.mood = Mood.WELL
        await here.settled(15.0)

        assert (reply[39], reply["48.RC"]) == ("91", "issuer_timeout")
        here.expect_agreement()
        assert here.owed_by() == 10_000


@pytest.mark.slow
async def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        here.bank.mood = Mood.LATE

        reply = await link.ask(here.message())
        here.bank.mood = Mood.WELL
        here.bank.answer_late()
        await here.settled()

        assert reply["48.RC"] == "issuer_timeout"
        assert here.bench.desk is not None
        assert here.bench.desk.links["bank"].pending.counts.late == 1
        assert here.owed_by() == 0
        here.expect_agreement()


@pytest.mark.slow
async def test_a_reversal_is_repeated_until_the_bank_says_yes() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.bank.refuses_reversals = True

        assert (await link.ask(here.reversal(bought)))[39] == "00"
        await here.bench.wait_until(lambda: len(here.bank.heard) >= 2)
        here.bank.refuses_reversals = False
        await here.settled()

        kinds = [asked["t"] for asked in here.bank.heard]
        assert kinds == ["0200", "0420", "0421"]
        assert here.bank.heard[1]["11"] == here.bank.heard[2]["11"]
        here.expect_agreement()


@pytest.mark.slow
async def test_a_reversal_whose_answer_is_lost_is_done_once() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.bank.mood = Mood.SILENT

        assert (await link.ask(here.reversal(bought, remain_minor=4_000)))[39] == "00"
        await here.bench.wait_until(lambda: len(here.bank.heard) >= 2)
        await trio.sleep(ANSWER_SECONDS_MAX)
        here.bank.mood = Mood.WELL
        await here.settled()

        assert here.owed_by() == 4_000
        here.expect_agreement()


async def test_a_bank_that_is_away_is_not_asked_and_owed_nothing() -> None:
    async with remote_site(with_bank=False) as here:
        link = await here.bench.connect()
        assert (await link.ask(here.message()))[39] == "91"  # the card is known from here on
        rows = here.shop.core.last_seq
        message = here.message()

        reply = await link.ask(message)

        assert (reply[39], reply["48.RC"]) == ("91", "issuer_unavailable")
        assert here.shop.core.last_seq == rows
        assert not here.shop.directory.issuers.owed


@pytest.mark.slow
async def test_a_bank_that_comes_back_is_asked_again() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        assert here.bench.desk is not None
        bank = here.bench.desk.links["bank"]
        here.bank.hang_up()
        await here.bench.wait_until(lambda: not bank.available)
        away = await link.ask(here.message())
        await here.bench.wait_until(lambda: bank.available)

        reply = await link.ask(here.message())

        assert away["48.RC"] in ("issuer_unavailable", "issuer_timeout")
        assert reply[39] == "00"
        assert here.bank.signed_on == 2
        await here.settled()
        here.expect_agreement()


@pytest.mark.slow
async def test_a_bank_that_answers_nothing_is_left_alone_until_it_answers_an_echo() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        assert (await link.ask(here.message()))[39] == "00"
        here.bank.mood = Mood.DEAF

        await link.send(*(here.message() for _ in range(6)))
        silent = [await link.reply() for _ in range(6)]
        quick = await link.ask(here.message())
        here.bank.mood = Mood.WELL
        await here.settled(20.0)
        after = await link.ask(here.message())

        assert {reply["48.RC"] for reply in silent} == {"issuer_timeout"}
        assert quick["48.RC"] == "issuer_unavailable"
        assert after[39] == "00"
        here.expect_agreement()


@pytest.mark.slow
async def test_a_terminal_that_hangs_up_leaves_nothing_behind() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        here.bank.mood = Mood.LATE
        await link.send(here.message())
        await here.bench.wait_until(lambda: here.bank.heard)

        link.vanish()
        await trio.sleep(0.05)
        here.bank.mood = Mood.WELL
        here.bank.answer_late()
        await here.settled()

        assert here.owed_by() == 0
        here.expect_agreement()


@pytest.mark.slow
async def test_a_reversal_that_overtakes_its_purchases_answer_holds() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        assert (await link.ask(here.message()))[39] == "00"
        here.bank.mood = Mood.LATE
        message = here.message()
        await link.send(message)
        await here.bench.wait_until(lambda: len(here.bank.heard) == 2)

        reversed_first = await link.ask(here.reversal(message))
        here.bank.mood = Mood.WELL
        here.bank.answer_late()
        late = await link.reply()
        await here.settled()

        assert reversed_first["48.RC"] == "reversed_unknown_original"
        assert late["48.RC"] == "original_reversed_before_arrival"
        assert here.owed_by() == 10_000
        here.expect_agreement()


@pytest.mark.slow
async def test_a_repeat_meanwhile_waits_for_the_first_and_gets_its_answer() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        here.bank.mood = Mood.LATE
        message = here.message()

        await link.send(*([message] * 20))
        await here.bench.wait_until(lambda: here.bank.heard)
        await trio.sleep(0.05)
        here.bank.mood = Mood.WELL
        here.bank.answer_late()
        replies = [await link.reply() for _ in range(20)]

        assert all(reply == replies[0] for reply in replies)
        assert replies[0][39] == "00"
        assert len(here.bank.heard) == 1
        here.expect_agreement()
