"""The metrics that an operator reads: they parse, count what happened, and are all in the table."""

import re

import pytest
from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.source_tree import ROOT
from tests.support.gate_bench import Bench, serving
from tests.support.remote_site import bank_link
from tests.support.shard_bench import card_of, serving_shards

TABLE = ROOT / "docs" / "metrics.md"
ROW = re.compile(
    r"^\| `(?P<name>bashgah_\w+)` \| (?P<kind>\w+) \|(?P<labels>[^|]*)\|", re.MULTILINE
)


def scrape(bench: Bench) -> dict[str, Metric]:
    """Parse what a scrape gets; by name, as Prometheus knows it."""
    text = generate_latest(bench.registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families: dict[str, Metric], sample_name: str, **labels: str) -> float:
    """Give one sample."""
    for family in families.values():
        for sample in family.samples:
            if sample.name == sample_name and sample.labels == labels:
                return sample.value
    raise AssertionError(f"no {sample_name}{labels}")


async def test_what_happened_is_counted() -> None:
    async with serving() as bench:
        link = await bench.connect()
        load = bench.shop.message("0200", "210000")
        await link.ask(load)
        await link.ask(load)
        await link.ask(bench.shop.message(amount_minor=400_000_000))
        await link.send(b"\x00")
        await link.wait_end()

        families = scrape(bench)

    assert value(families, "bashgah_approvals_total", operation="load") == 1
    assert value(families, "bashgah_repeats_total") == 1
    declined = {"response_code": "51", "reason": "insufficient_funds"}
    assert value(families, "bashgah_declines_total", **declined) == 1
    assert value(families, "bashgah_connections_closed_total", cause="lost_framing") == 1
    assert value(families, "bashgah_frames_hopeless_total") == 1
    assert value(families, "bashgah_exchange_duration_seconds_count") == 3
    assert value(families, "bashgah_journal_batch_rows_count") >= 2
    assert value(families, "bashgah_journal_lag_rows") == 0
    assert value(families, "bashgah_book_sequence") == bench.journal.durable_seq


async def test_the_lag_of_the_journal_shows_while_it_stalls() -> None:
    async with serving() as bench:
        link = await bench.connect()
        await bench.wait_until(lambda: bench.journal.durable_seq)
        bench.journal.stall()
        await link.send(*(bench.shop.message("0200", "210000") for _ in range(3)))
        await bench.wait_until(lambda: bench.gate.statistics()["frames"] == 3)

        families = scrape(bench)
        bench.journal.go_on()

    assert value(families, "bashgah_journal_lag_rows") == 3
    assert value(families, "bashgah_replies_pending") == 3


async def test_the_buckets_of_the_latency_are_cumulative_and_end_with_all() -> None:
    async with serving() as bench:
        link = await bench.connect()
        for _ in range(5):
            await link.ask(bench.shop.message("0200", "210000"))

        family = scrape(bench)["bashgah_exchange_duration_seconds"]

    counts = [sample.value for sample in family.samples if sample.name.endswith("_bucket")]
    assert counts == sorted(counts)
    assert counts[-1] == 5
    total = [sample.value for sample in family.samples if sample.name.endswith("_sum")]
    assert 0 < total[0] < 5


@pytest.mark.slow
async def test_the_table_of_metrics_is_what_a_scrape_gives() -> None:
    written = {
        row["name"]: (row["kind"], set(re.findall(r"`(\w+)`", row["labels"])))
        for row in ROW.finditer(TABLE.read_text())
    }
    async with serving(banks=[bank_link(1)]) as other, serving_shards() as benches:
        link = await benches[0].connect()
        for card in (card_of(benches[0], 0), card_of(benches[0], 1)):
            # So that a decline shows.
            await link.ask(benches[0].shop.message(amount_minor=490_000_000, card=card))
        of_banks = {k: v for k, v in scrape(other).items() if k.startswith("bashgah_issuer_")}
        families = scrape(benches[0]) | of_banks

    given = {}
    for family in families.values():
        if family.name.endswith("_created"):
            continue  # the client library's own: when a histogram began
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        given[name] = (family.type, labels)
    assert written == given
