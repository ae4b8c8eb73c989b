"""Goal: a wrong switch fails the run, and the run says what is wrong with it.

Method: a real switch on a real journal, a shop's day from the generator, and in between a proxy
that lies (`tests/support/lying_proxy.py`), or a journal that is written wrongly
(`tests/support/wrong_ledger.py`). The same day without a fault must be clean to the last account.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec
import pytest
import trio

from bashgah.site import Site
from loadtest.arrival import constant
from loadtest.club_file import load_club
from loadtest.journal_check import read_heads
from loadtest.ledger_check import LedgerVerdict, check_ledger
from loadtest.result import Faults, RunResult
from loadtest.run import RunPlan, run_load
from loadtest.run_evidence import evidence_of
from loadtest.workload import Scenario, Step, Workload, load_workload, workload_names
from switch.iso8583 import Framing, named
from tests.support.lying_proxy import (
    Liar,
    Lie,
    answer_repeats_differently,
    answer_twice,
    answer_with_the_past,
    dress_up_the_past,
    lose,
    swap,
    tell_another_amount,
    truth,
)
from tests.support.site import standing_site
from tests.support.wrong_ledger import WrongLedger, written_wrongly

REPLY_SECONDS = 1.0
"""A switch on a busy machine answers within that; what is lost is given up after that."""


def scenario(name: str, weight: float, *steps: Step, cards: str = "good") -> Scenario:
    return Scenario(name=name, weight=weight, step=steps, cards=cards)


PURCHASE = Step(kind="purchase")
# Where nothing is told twice or undone, so that a lie shows in the books and nowhere else.
PURCHASES = load_workload("purchase")
DAY = Workload(
    name="day",
    card_exponent=0.8,
    scenario=(
        scenario("purchase", 50, Step(kind="purchase", expect=("00", "51"))),
        scenario("mixed", 8, Step(kind="mixed")),
        scenario("points", 5, Step(kind="points_payment")),
        scenario("load", 5, Step(kind="load", expect=("00",))),
        scenario("balance", 8, Step(kind="balance", expect=("00",))),
        scenario("repeat", 5, PURCHASE, Step(repeat=True)),
        scenario("reversal", 5, PURCHASE, Step(kind="reversal", expect=("00",))),
        scenario(
            "refund",
            5,
            PURCHASE,
            Step(kind="refund", when="approved", part=(1, 100), expect=("00",)),
        ),
        scenario(
            "refund of points",
            3,
            Step(kind="mixed"),
            Step(kind="refund", when="approved", part=(1, 100), expect=("00",)),
        ),
        scenario(
            "refund, then reversal of all",
            3,
            PURCHASE,
            Step(kind="refund", when="approved", part=(10, 90), expect=("00",)),
            Step(kind="reversal_advice", expect=("00",)),
        ),
        scenario(
            "completion",
            5,
            Step(kind="preauthorisation"),
            Step(kind="completion", when="approved", part=(50, 100), expect=("00",)),
        ),
        scenario(
            "given up, then undone",
            5,
            PURCHASE,
            Step(kind="reversal_advice", after="timeout", expect=("00",)),
        ),
        scenario("blocked", 2, Step(kind="purchase", expect=("62",)), cards="blocked"),
        scenario("unknown", 2, Step(kind="purchase", expect=("14",)), cards="unknown"),
    ),
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    lines: list[str] = []
    with standing_site(lines.append) as running:
        yield running


class Run(NamedTuple):
    """A run's result, its ledger, and how many lies were told."""

    result: RunResult
    ledger: LedgerVerdict
    told: int

    @property
    def faults(self) -> dict[str, int]:
        """Give the faults that were counted."""
        counted = msgspec.structs.asdict(self.result.faults)
        return {name: count for name, count in counted.items() if count}


def plan(port: int, day: Workload, messages: int) -> RunPlan:
    return RunPlan(
        target="bashgah-binary",
        workload=day,
        arrival=constant(messages),
        address=f"127.0.0.1:{port}",
        connections=16,
        window=64,
        seconds=1.0,
        reply_seconds=REPLY_SECONDS,
    )


def run_day(
    site: Site,
    lie: Lie = truth,
    *,
    day: Workload = DAY,
    messages: int = 2_500,
    every: int = 1_000_000,
) -> Run:
    """Run about so many messages of a day through a proxy, then compare the books."""
    heads = read_heads(site.dsn)
    binary = next(each for each in site.config.listener if each.profile == "pos-binary")
    framing = Framing(length="binary2", tpdu=True)
    spec = named("iso1987-binary")
    with Liar(binary.port, lie, framing=framing, spec=spec, every=every) as liar:
        outcome = run_load(plan(liar.port, day, messages))
        told = liar.told
    ledger = check_ledger(site.dsn, heads, load_club("bashgah-demo"), evidence_of(outcome))
    result = msgspec.structs.replace(outcome.result, books=ledger.books)
    assert result.counts.sent > messages * 0.9
    return Run(result, ledger, told)


@pytest.mark.slow
def test_a_right_switch_is_clean_to_the_last_account(site: Site) -> None:
    run = run_day(site)

    assert run.result.findings == ()
    assert run.result.faults == Faults()
    assert run.ledger.books.examples == ()
    assert run.result.good
    assert run.ledger.journal.acknowledged > 2_000
    assert run.ledger.books.accounts > 1_000


@pytest.mark.slow
@pytest.mark.parametrize("name", workload_names())
def test_every_workload_that_ships_leaves_right_books(site: Site, name: str) -> None:
    """Without the proxy: it would not understand the garbage of some."""
    binary = next(each for each in site.config.listener if each.profile == "pos-binary")
    heads = read_heads(site.dsn)

    outcome = run_load(plan(binary.port, load_workload(name), 1_000))

    club = load_club("bashgah-demo")
    books = check_ledger(site.dsn, heads, club, evidence_of(outcome)).books
    assert books.examples == ()
    assert books.accounts > 500


@pytest.mark.slow
def test_a_killed_switch_comes_back_with_right_books(site: Site) -> None:
    """kill -9 under load: what was outstanding is repeated, happens once, and adds up."""
    binary = next(each for each in site.config.listener if each.profile == "pos-binary")
    heads = read_heads(site.dsn)
    patient = msgspec.structs.replace(
        plan(binary.port, DAY, 800),
        seconds=3.0,
        reply_seconds=15.0,
        drain_seconds=15.0,
        expect_restarts=True,
    )

    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(run_load, patient)
        time.sleep(1.0)
        site.switch.kill()
        trio.run(site.start_switch)
        outcome = running.result()

    club = load_club("bashgah-demo")
    books = check_ledger(site.dsn, heads, club, evidence_of(outcome)).books
    assert "connections were lost, as expected" in outcome.result.findings[0]
    assert outcome.result.faults == Faults()
    assert outcome.result.counts.answered == outcome.result.counts.sent > 2_000
    assert books.examples == ()


@pytest.mark.slow
def test_swapped_replies_are_cross_talk(site: Site) -> None:
    run = run_day(site, swap, every=1_000)

    assert run.told >= 2
    assert run.faults == {"cross_talk": 2 * run.told, "missing_reply": 2 * run.told}
    assert run.result.findings[0].startswith("a reply that belongs elsewhere")
    assert not run.result.good


@pytest.mark.slow
def test_one_lost_reply_in_ten_thousand_is_missing(site: Site) -> None:
    run = run_day(site, lose, messages=11_000, every=10_000)

    assert run.told == 2
    assert run.faults == {"missing_reply": 2}
    assert not run.result.good
    # What became of them the journal says: the books are right, the answer was lost.
    assert run.ledger.books.examples == ()


@pytest.mark.slow
def test_what_becomes_of_lost_replies_is_settled_by_the_journal(site: Site) -> None:
    """Purchases, reversals, refunds, completions: one in twenty is never heard of again."""
    run = run_day(site, lose, messages=1_500, every=20)

    assert run.told > 50
    assert run.faults == {"missing_reply": run.told}
    assert run.ledger.books.examples == ()
    assert run.ledger.journal.missing == 0


@pytest.mark.slow
def test_a_second_reply_is_counted(site: Site) -> None:
    run = run_day(site, answer_twice, every=500)

    assert run.told > 3
    assert run.faults == {"double_reply": run.told}
    assert not run.result.good


@pytest.mark.slow
def test_an_old_reply_to_a_new_request_is_a_double_and_a_missing_one(site: Site) -> None:
    run = run_day(site, answer_with_the_past, every=500)

    assert run.told > 3
    assert run.faults == {"double_reply": run.told, "missing_reply": run.told}
    assert not run.result.good


@pytest.mark.slow
def test_an_old_reply_in_a_new_ones_clothes_fails_the_books(site: Site) -> None:
    run = run_day(site, dress_up_the_past, day=PURCHASES)

    assert run.told == 1
    assert run.faults == {}
    assert run.ledger.journal.missing == 1
    assert " (purchase): " in run.ledger.books.examples[0]
    assert not run.result.good


@pytest.mark.slow
def test_another_amount_than_was_booked_fails_the_books(site: Site) -> None:
    run = run_day(site, tell_another_amount, day=PURCHASES, every=1_000)

    assert run.told > 1
    assert run.faults == {}
    assert run.ledger.journal.missing == run.told
    assert any("should be" in example for example in run.ledger.books.examples)
    assert any(" money changed by " in example for example in run.ledger.books.examples)
    assert not run.result.good


@pytest.mark.slow
def test_another_answer_to_a_repeat_is_counted(site: Site) -> None:
    run = run_day(site, answer_repeats_differently)

    assert run.told > 10
    assert run.faults == {"repeat_differs": run.told}
    assert not run.result.good


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "account"),
    [
        (WrongLedger.FORGETS_A_LEG, " points changed by "),
        (WrongLedger.BOOKS_ANOTHER_AMOUNT, " money changed by "),
    ],
)
def test_a_book_that_differs_from_the_replies_is_named(
    site: Site, fault: WrongLedger, account: str
) -> None:
    with written_wrongly(site.dsn, fault):
        run = run_day(site)

    assert run.faults == {}
    assert not run.result.good
    assert account in run.ledger.books.examples[0]
    assert "first by message" in run.ledger.books.examples[0]
    assert run.ledger.journal.missing == 0


@pytest.mark.slow
def test_the_command_compares_the_books(site: Site) -> None:
    """As docs/loadtest.md has it: exit code 0 and a line for a right ledger, 1 for a wrong one."""
    binary = next(each for each in site.config.listener if each.profile == "pos-binary")
    command = [
        sys.executable,
        "-m",
        "bashgah",
        "loadtest",
        "run",
        "bashgah-binary",
        "-w",
        "shop-day",
    ]
    command += ["-a", "constant 1500", "--window", "32", "--seconds", "1"]
    command += ["--address", f"127.0.0.1:{binary.port}", "--ledger", str(site.config_path)]

    right = subprocess.run(command, capture_output=True, text=True, check=False)
    with written_wrongly(site.dsn, WrongLedger.FORGETS_A_LEG):
        wrong = subprocess.run(command, capture_output=True, text=True, check=False)

    assert right.returncode == 0, right.stderr
    assert "accounts are as the model says" in right.stdout
    assert wrong.returncode == 1, wrong.stderr
    assert "faults: none" in wrong.stdout
    assert "first by message" in wrong.stdout
