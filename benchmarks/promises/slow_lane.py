"""The slow lane: the same purchases, discounts and points, priced by a Python function.

Owns one case. Must not know how a lane works: the club of its stand differs in its purse alone.
"""

from benchmarks.promises.measured import expect_whole_path
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import bench_target, running_stand
from benchmarks.promises.throughput import PER_SECOND, Say, links_alone, links_of
from benchmarks.table import Row, row
from issuers.purse_in_python import purse_in_python

WANTED = 8_000.0
DREAM = 15_000.0


def cases(sizes: Sizes, say: Say) -> list[Row]:
    """Measure it on a stand of its own."""
    target = bench_target(cards=sizes.cards_few, terminals=sizes.many_terminals)
    with running_stand(target, make_purse=purse_in_python, say=say) as stand:
        accounts = expect_whole_path(stand, links_of(sizes), sizes.warmup_seconds)
        measured = links_alone(stand, sizes)
    return [
        row(
            f"slow lane (Python plan), {sizes.links} links x {sizes.window}",
            measured.per_second,
            PER_SECOND,
            baseline=WANTED,
            at_least=1.0,
            right=measured.right,
            dream=round(DREAM / WANTED, 3),
            baseline_is="what is wanted",
            beside=f"the ledger agreed with the fast lane's model in {accounts:,} accounts before",
            **measured.facts,
        )
    ]
