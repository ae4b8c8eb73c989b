"""Cards of another bank at a gate: PINs, refunds, reversals; and a bank in any mood.

Method: a bank of another make on a real socket keeps its own books; whatever went wrong on the way,
in the end both books say the same.
"""

import pytest
import trio

from switch.programme import Limits
from tests.support.bank_host import Mood
from tests.support.remote_site import ANSWER_SECONDS_MAX, OTHER, PAN, PANS, RICH, remote_site


async def test_a_purchase_is_the_banks_to_decide() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()

        reply = await link.ask(here.message(de52=here.block()))

        assert (reply[39], reply[38]) == ("00", "B00001")
        assert reply[54] == f"0002364C{RICH - 10_000:012d}"
        (asked,) = here.bank.heard
        assert asked["t"] == "0200"
        assert (asked["2"], asked["4"], asked["18"]) == (PAN, "000000010000", "5812")
        assert (asked["32"], asked["33"]) == ("581672", "627353")
        assert (asked["41"], asked["42"]) == ("T0000001", "CAFE00000000001")
        here.expect_agreement()


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_card_is_known_by_its_track_too(dialect: str) -> None:
    async with remote_site() as here:
        link = await here.bench.connect(dialect)
        track = f"{OTHER}D30121010000000000"

        reply = await link.ask(here.message(de2=None, de35=track, de22="901"))

        assert reply[39] == "00"
        assert here.bank.heard[0]["35"] == track.replace("D", "=") or (
            here.bank.heard[0]["35"] == track
        )
        here.expect_agreement(OTHER)


async def test_a_wrong_pin_is_said_by_the_bank_and_costs_no_try_here() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()

        wrong = [await link.ask(here.message(de52=here.block("9999"))) for _ in range(4)]
        right = await link.ask(here.message(de52=here.block()))

        assert {(reply[39], reply["48.RC"]) for reply in wrong} == {("55", "issuer_declined")}
        assert right[39] == "00"
        here.expect_agreement()


async def test_a_pin_under_another_zone_key_is_wrong() -> None:
    async with remote_site(other_zone_key=True) as here:
        link = await here.bench.connect()

        reply = await link.ask(here.message(de52=here.block()))

        assert reply[39] == "55"


async def test_a_pin_under_a_derived_key_is_translated() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        serial = "FFFF9876543210E00001"
        vault = type(here.vault)(here.vault.lmk, "4711", PAN, here.vault.keys)

        reply = await link.ask(
            here.message(de52=vault.derived_block(serial), de48=f"KS020{serial}")
        )
        replayed = await link.ask(
            here.message(de52=vault.derived_block(serial), de48=f"KS020{serial}")
        )

        assert reply[39] == "00"
        assert replayed["48.RC"] == "key_serial_repeated"
        here.expect_agreement()


async def test_without_an_hsm_no_pin_is_passed_on_and_the_bank_is_not_asked() -> None:
    async with remote_site(with_hsm=False) as here:
        link = await here.bench.connect()

        secret = await link.ask(here.message(de52=here.block()))
        bare = await link.ask(here.message())

        assert (secret[39], secret["48.RC"]) == ("91", "hsm_unavailable")
        assert bare[39] == "00"
        assert len(here.bank.heard) == 1


@pytest.mark.parametrize(
    ("code", "said"), [("51", "51"), ("54", "54"), ("62", "62"), ("ZZ", "05"), ("78", "05")]
)
async def test_a_refusal_keeps_its_code_if_terminals_know_it(code: str, said: str) -> None:
    async with remote_site() as here:
        here.bank.accounts[PAN].code = code
        link = await here.bench.connect()
        message = here.message()

        reply = await link.ask(message)
        again = await link.ask(message)

        assert (reply[39], reply["48.RC"]) == (said, "issuer_declined")
        assert again == reply
        assert len(here.bank.heard) == 1
        assert not here.rebuilt().issuers.owed


async def test_a_balance_is_the_banks() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()

        reply = await link.ask(here.message("0100", "310000", None, de52=here.block()))

        assert (reply[39], reply[54]) == ("00", f"0002364C{RICH:012d}")
        assert here.bank.heard[0]["t"] == "0100"
        here.expect_agreement()


@pytest.mark.parametrize(
    ("mti", "code"),
    [("0200", "210000"), ("0100", "000000"), ("0200", "006000"), ("0100", "316000")],
)
async def test_nothing_else_is_allowed(mti: str, code: str) -> None:
    async with remote_site() as here:
        link = await here.bench.connect()

        reply = await link.ask(here.message(mti, code))

        assert (reply[39], reply["48.RC"]) == ("57", "operation_not_allowed")
        assert not here.bank.heard


async def test_a_number_that_cannot_be_a_card_is_not_added() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        cards = here.shop.core.card_count

        wrong = PAN[:-1] + str((int(PAN[-1]) + 1) % 10)
        reply = await link.ask(here.message(pan=wrong))
        stranger = await link.ask(here.message(pan="4111111111111111"))

        assert (reply["48.RC"], stranger["48.RC"]) == ("unknown_card", "unknown_card")
        assert here.shop.core.card_count == cards


async def test_strangers_cannot_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.issuer_desk.REMOTE_CARDS_A_MINUTE_MAX", 3)
    async with remote_site() as here:
        link = await here.bench.connect()

        replies = [await link.ask(here.message(pan=pan)) for pan in PANS[:10]]

        added = [reply for reply in replies if reply[39] == "00"]
        refused = [reply for reply in replies if reply.get("48.RC") == "issuer_unavailable"]
        assert 3 <= len(added) <= 6  # a minute may have turned
        assert len(added) + len(refused) == 10


async def test_limits_are_kept_here() -> None:
    async with remote_site(limits=Limits(day_minor_max=25_000)) as here:
        link = await here.bench.connect()

        replies = [await link.ask(here.message()) for _ in range(3)]

        assert [reply[39] for reply in replies] == ["00", "00", "61"]
        assert len(here.bank.heard) == 2
        here.expect_agreement()


async def test_limits_hold_for_questions_that_are_asked_at_once() -> None:
    """All pass before any is answered; what the bank approves too much goes back."""
    async with remote_site(limits=Limits(day_minor_max=25_000)) as here:
        link = await here.bench.connect()

        await link.send(*(here.message() for _ in range(6)))
        replies = [await link.reply() for _ in range(6)]
        await here.settled()

        assert sorted(reply[39] for reply in replies) == ["00", "00", "61", "61", "61", "61"]
        here.expect_agreement()


async def test_a_blocked_card_is_not_asked_about() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        assert (await link.ask(here.message()))[39] == "00"
        card = here.shop.core.card_of(here.shop.core.token_of(PAN))
        assert card is not None
        here.shop.core.set_card_status(card, 1)

        reply = await link.ask(here.message())

        assert reply[39] == "62"
        assert len(here.bank.heard) == 1


# --- giving back ----------------------------------------------------------------------------------


async def test_refunds_go_to_the_bank_part_by_part() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"

        first = await link.ask(here.refund(bought, 3_000))
        rest = await link.ask(here.refund(bought, 7_000))
        more = await link.ask(here.refund(bought, 1))

        assert (first[39], rest[39]) == ("00", "00")
        assert more["48.RC"] == "refund_above_original"
        assert [asked["3"] for asked in here.bank.heard] == ["000000", "200000", "200000"]
        assert here.owed_by() == 0
        here.expect_agreement()


async def test_a_refund_that_the_bank_refuses_changes_nothing() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.bank.accounts[PAN].code = "57"

        refused = await link.ask(here.refund(bought, 3_000))

        assert refused[39] == "57"
        assert here.owed_by() == 10_000
        here.expect_agreement()


async def test_a_reversal_is_approved_at_once_and_told_to_the_bank() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"

        reply = await link.ask(here.reversal(bought))
        again = await link.ask(here.reversal(bought))
        await here.settled()

        assert (reply[39], again["48.RC"]) == ("00", "reversed_before")
        asked, told = here.bank.heard
        assert (told["t"], told["4"]) == ("0420", "000000010000")
        assert told["90"] == f"0200{asked['11']}{asked['7']}{'581672':0>11}{'627353':0>11}"
        assert "2" not in told
        assert "35" not in told
        assert here.owed_by() == 0
        here.expect_agreement()


async def test_reversals_in_parts_refunds_and_reversals_of_refunds_end_exact() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"

        assert (await link.ask(here.reversal(bought, remain_minor=8_000)))[39] == "00"
        returned = here.refund(bought, 3_000)
        assert (await link.ask(returned))[39] == "00"
        assert here.owed_by() == 5_000
        assert (await link.ask(here.reversal(returned)))[39] == "00"
        assert here.owed_by() == 8_000
        assert (await link.ask(here.refund(bought, 1_000)))[39] == "00"
        assert (await link.ask(here.reversal(bought, remain_minor=2_000)))[39] == "00"
        await here.settled()

        assert here.owed_by() == 2_000
        here.expect_agreement()


async def test_a_reversal_finds_its_question_in_the_journal() -> None:
    """However long ago it was: memory keeps the newest approvals only."""
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.shop.directory.issuers._approved.clear()

        assert (await link.ask(here.reversal(bought)))[39] == "00"
        await here.settled()

        here.expect_agreement()


async def test_a_reversal_of_what_never_came_is_approved_and_nothing_is_told() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        never = here.message()

        reply = await link.ask(here.reversal(never))
        late = await link.ask(never)

        assert (reply[39], reply["48.RC"]) == ("00", "reversed_unknown_original")
        assert late["48.RC"] == "original_reversed_before_arrival"
        assert not here.bank.heard


# --- a bank in any mood ---------------------------------------------------------------------------

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


@pytest.mark.slow
async def test_a_hundred_questions_at_once_are_answered_in_any_order() -> None:
    async with remote_site() as here:
        links = [await here.bench.connect() for _ in range(10)]
        for number, link in enumerate(links):
            await link.send(
                *(here.message(pan=pan, de52=here.block(pan=pan))
                  for pan in PANS[10 * number : 10 * number + 10])
            )  # fmt: skip

        replies = [await link.reply() for link in links for _ in range(10)]

        assert [reply[39] for reply in replies] == ["00"] * 100
        for pan in PANS[:100]:
            here.expect_agreement(pan)


async def test_what_is_owed_follows_from_the_journal_alone() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.bank.refuses_reversals = True
        assert (await link.ask(here.reversal(bought, remain_minor=4_000)))[39] == "00"
        await here.bench.wait_until(
            lambda: here.shop.core.last_seq == here.bench.journal.durable_seq
        )

        rebuilt = here.rebuilt()
        here.shop.directory.hear()

        assert rebuilt.issuers.owed == here.shop.directory.issuers.owed
        assert [debt.amount_minor for debt in rebuilt.issuers.owed.values()] == [6_000]
        assert rebuilt.dump() == here.shop.directory.dump()
