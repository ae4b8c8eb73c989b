"""Cards of another bank at a gate: PINs, refunds, reversals, and what is written of them.

Method: a bank of another make on a real socket keeps its own books; in the end both say the same.
"""

import pytest
from prometheus_client import generate_latest

from bashgah.demo import with_check_digit
from switch.iso8583 import decode, encode
from switch.rules import Limits
from tests.support.bank_host import Account, Mood
from tests.support.remote_site import OTHER, PAN, PANS, RICH, remote_site


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


async def test_a_terminal_with_macs_asks_like_any_other() -> None:
    async with remote_site(mac="retail") as here:
        link = await here.bench.connect()
        message = here.message(de52=here.block(), de64="0" * 16)
        before = encode(message, link.spec)[:-8]

        await link.send(before + here.vault.mac(before))
        reply = await link.reply_bytes()

        assert reply[-8:] == here.vault.mac(reply[:-8])
        assert decode(reply, link.spec)[39] == "00"
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


@pytest.mark.slow
async def test_what_has_left_memory_while_the_bank_was_asked_does_not_stand() -> None:
    """Nobody waits for it any more, so what the bank has done is undone."""
    async with remote_site(exchange_entries=64) as here:
        link, other = await here.bench.connect(), await here.bench.connect()
        bought = here.message()
        assert (await link.ask(bought))[39] == "00"
        here.bank.mood = Mood.LATE
        await link.send(here.refund(bought, 4_000))
        await here.bench.wait_until(lambda: len(here.bank.heard) == 2)
        for _ in range(100):
            loaded = await other.ask(here.shop.message("0200", "210000", 1_000))
            assert loaded[39] == "00"

        here.bank.mood = Mood.WELL
        here.bank.answer_late()
        reply = await link.reply()
        await here.settled()

        assert reply[39] != "00"
        here.expect_agreement()


@pytest.mark.slow
async def test_no_secret_is_in_the_journal_the_log_or_the_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        pan = with_check_digit("621986104829375")
        here.bank.accounts[pan] = Account(RICH, "4711")
        block = here.block(pan=pan)
        track = f"{pan}D30121010000000000"
        bought = here.message(pan=pan, de35=track, de22="901", de52=block)
        assert (await link.ask(bought))[39] == "00"
        here.bank.mood = Mood.SILENT
        await link.ask(here.message(pan=pan, de52=here.block("9999", pan)))
        here.bank.mood = Mood.WELL
        await link.ask(here.reversal(bought))
        await here.settled()
        here.bench.keep_log()
        passed_on = here.bank.heard[0]["52"]
        written = b"".join(here.bench.journal.streams) + bytes(here.bench.log)
        written += generate_latest(here.bench.registry) + repr(here.shop.directory.dump()).encode()

    written += "".join(capsys.readouterr()).encode()
    for secret in (pan, track, block, passed_on, pan[6:-1]):
        assert secret.encode() not in written
        assert secret.lower().encode() not in written
    for secret in (block, passed_on):
        assert bytes.fromhex(secret) not in written


async def test_the_metrics_say_what_banks_said() -> None:
    async with remote_site() as here:
        link = await here.bench.connect()
        assert (await link.ask(here.message()))[39] == "00"
        here.bank.accounts[PAN].code = "51"
        await link.ask(here.message())

        told = generate_latest(here.bench.registry).decode()

        assert 'bashgah_issuer_up{issuer="bank"} 1.0' in told
        assert 'bashgah_issuer_questions_total{issuer="bank",outcome="approved"} 1.0' in told
        assert 'bashgah_issuer_questions_total{issuer="bank",outcome="refused"} 1.0' in told
        assert 'bashgah_issuer_owed{issuer="bank"} 0.0' in told
