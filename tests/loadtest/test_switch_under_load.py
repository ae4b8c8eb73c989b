"""The generator against our own switch, process, PostgreSQL and all: no fault in a day."""

from pathlib import Path

import pytest
import trio

from bashgah.demo_products import PRODUCTS
from bashgah.site import Site
from loadtest.arrival import closed, parse_arrival
from loadtest.club_file import load_club
from loadtest.journal_check import approvals_by_programme, read_heads
from loadtest.ledger_check import check_ledger
from loadtest.result import Counts, RunResult
from loadtest.run import Outcome, RunPlan, run_load
from loadtest.run_evidence import evidence_of
from switch.config import Hsm
from tests.support.hsm_process import hsm_process
from tests.support.site import running_site


async def run(site: Site, profile: str, plan: RunPlan) -> RunResult:
    """Run a load against one of a site's listeners, in a thread."""
    port = next(listener.port for listener in site.config.listener if listener.profile == profile)
    given = RunPlan(
        target=profile.replace("pos", "bashgah"),
        workload=plan.workload,
        address=f"127.0.0.1:{port}",
        arrival=plan.arrival,
        seed=plan.seed,
        connections=plan.connections,
        window=plan.window,
        seconds=plan.seconds,
    )
    outcome = await trio.to_thread.run_sync(run_load, given)
    result = outcome.result
    garbage = result.kinds.get("garbage", Counts())
    assert len(outcome.records) == result.counts.sent - garbage.sent
    return result


@pytest.mark.slow
async def test_every_workload_finds_a_healthy_switch() -> None:
    async with running_site(lambda _line: None) as site:
        day = RunPlan(
            target="",
            workload="shop-day",
            arrival=parse_arrival("poisson 400"),
            connections=40,
            seconds=3.0,
        )
        rush = RunPlan(
            target="",
            workload="points-rush",
            arrival=closed(),
            seed=2,
            connections=4,
            window=16,
            seconds=1.0,
        )
        hostile = RunPlan(
            target="",
            workload="hostile",
            arrival=parse_arrival("constant 300"),
            seed=3,
            connections=20,
            window=2,
            seconds=2.0,
        )

        results = [
            await run(site, "pos-binary", day),
            await run(site, "pos-ascii", rush),
            await run(site, "pos-binary", hostile),
        ]

    for result in results:
        assert result.faults.total == 0, result.findings
        assert result.counts.answered == result.counts.due == result.counts.sent > 500
    shop_day, _points_rush, hostile_day = results
    assert {"purchase", "mixed", "refund", "completion", "reversal"} <= set(shop_day.kinds)
    assert {"14", "51", "62"} <= set(shop_day.declines)
    assert hostile_day.kinds["garbage"].answered > 10


@pytest.mark.slow
async def test_all_products_at_once_leave_the_purses_books_as_the_model_has_them(
    tmp_path: Path,
) -> None:
    with hsm_process(tmp_path) as address:
        hsm = Hsm(port=int(address.rpartition(":")[2]))
        async with running_site(lambda _line: None, hsms=(hsm,)) as site:
            heads = await trio.to_thread.run_sync(read_heads, site.dsn)
            plan = RunPlan(
                target="bashgah-binary",
                workload="all-products",
                address=f"127.0.0.1:{site.config.listener[0].port}",
                arrival=closed(),
                connections=4,
                window=8,
                seconds=2.0,
            )

            outcome = await trio.to_thread.run_sync(run_load, plan)
            verdict = await trio.to_thread.run_sync(
                check_ledger, site.dsn, heads, load_club("bashgah-demo"), evidence_of(outcome)
            )
            approved = await trio.to_thread.run_sync(approvals_by_programme, site.dsn, heads)

    result = outcome.result
    assert result.faults.total == 0, result.findings
    assert result.counts.unavailable == 0
    assert {"activation", "withdrawal", "register_item", "claim"} <= set(result.kinds)
    assert {product.definition.programme for product in PRODUCTS} <= set(approved)
    redemptions = [
        record.response_code
        for record in outcome.records
        if outcome.records.kinds[record.kind] == "redemption"
    ]
    guesses = redemptions.count("55") + redemptions.count("75")
    assert redemptions.count("55") == min(guesses, 5) > 0  # the guesser's tries of a day
    assert redemptions.count("00") > 5
    assert verdict.books.differences == 0, verdict.books.examples
    assert verdict.books.accounts > 100
    assert verdict.journal.missing == verdict.journal.journalled_twice == 0


@pytest.mark.slow
async def test_a_killed_switch_answers_everything_once_it_is_back() -> None:
    async with running_site(lambda _line: None) as site:
        port = site.config.listener[0].port
        plan = RunPlan(
            target="bashgah-binary",
            workload="shop-day",
            address=f"127.0.0.1:{port}",
            arrival=parse_arrival("constant 300"),
            connections=30,
            window=2,
            seconds=4.0,
            reply_seconds=20.0,
            drain_seconds=10.0,
            expect_restarts=True,
        )
        outcomes: list[Outcome] = []

        async def load() -> None:
            outcomes.append(await trio.to_thread.run_sync(run_load, plan))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(load)
            await trio.sleep(1.5)
            site.switch.kill()
            await site.start_switch()

    result = outcomes[0].result
    assert result.faults.total == 0, result.findings
    assert result.counts.answered == result.counts.due
    assert "connections were lost, as expected" in result.findings[0]
    assert result.latency.max_ms > 300  # what was due while it was away counts from then
