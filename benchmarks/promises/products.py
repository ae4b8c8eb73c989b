"""All products of a club at once, beside its purse alone.

Owns the cards of the other products, their programmes with bounds that no run reaches, and one
case: both loads take turns on one stand. Must not know what a product is: that is `issuers/`.
Vouchers are not among them: each is good once, and its PIN wants an HSM, which would share the
cores with one of the two loads only. The workload `all-products` has them.
"""

from collections.abc import Iterator
from functools import partial

import msgspec

from benchmarks.promises.club import CLUB, cards_of, declared
from benchmarks.promises.measured import Measured, WrongPathError
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import HERE, Stand, Token, bench_target, running_stand
from benchmarks.promises.throughput import PER_SECOND, Say, links_of
from benchmarks.table import Row, row
from issuers.bon import bon
from issuers.credit import credit
from issuers.discount import discount
from issuers.gift import gift
from issuers.guest import guest
from issuers.loyalty import loyalty
from issuers.membership import membership
from issuers.prepaid import prepaid
from issuers.qarz import qarz
from issuers.warranty import warranty
from loadtest.journal_check import read_heads
from loadtest.ledger_check import check_ledger
from loadtest.result import RunResult
from loadtest.run_evidence import evidence_of
from loadtest.target import CardGroup, Target
from loadtest.workload import Scenario, Step, Workload, load_workload
from switch.events import CardsLinked, Event, OrganisationAdded, ProgrammeLive
from switch.limits import AMOUNT_MINOR_MAX
from switch.programme import Programme
from switch.rules import Limits

ORGANISATION = 1
FIRST_PROGRAMME = 2
EXPIRY = "3012"
SHARE_WANTED = 0.7
SHARE_DREAM = 0.9
PREPARED_CARDS_MAX = 1_000  # of what has to be sold first: one card after another, by chance
GUESTS_A_MEMBER = 10
USES = 1_000_000_000
PREPARING = Workload(
    name="preparing",
    about="Gift cards are sold and members join, each many times over: then none is left out.",
    scenario=(
        Scenario(
            name="sold",
            weight=1,
            cards="gift",
            amount_minor=(40_000_000, 40_000_000),
            step=(Step(kind="activation"),),
        ),
        Scenario(name="joined", weight=1, cards="membership", step=(Step(kind="renewal"),)),
        Scenario(
            name="earned",
            weight=1,
            cards="loyalty",
            amount_minor=(9_000_000, 9_000_000),
            step=(Step(kind="purchase"),),
        ),
    ),
)


def programmes() -> dict[str, Programme]:
    """Give the club's other programmes by the names of their cards in `products.toml`."""
    made: dict[str, Programme] = {}
    for name, definition in (
        ("loyalty", loyalty),
        ("membership", membership),
        ("discount", discount),
        ("gift", gift),
        ("purchase", prepaid),
        ("instalment", partial(credit, limit_minor=AMOUNT_MINOR_MAX)),
        ("qarz", partial(qarz, limit_minor=AMOUNT_MINOR_MAX)),
        ("bon", partial(bon, organisation=ORGANISATION, monthly_minor=AMOUNT_MINOR_MAX)),
        ("guest", partial(guest, member_programme=FIRST_PROGRAMME, uses=USES)),
        ("warranty", warranty),
    ):
        made[name] = _unbounded(definition(FIRST_PROGRAMME + len(made), 1, CLUB))
    # As the purse: it may be overdrawn, so that no card needs an opening balance.
    made["purchase"] = msgspec.structs.replace(
        made["purchase"], money_floor_minor=-AMOUNT_MINOR_MAX
    )
    return made


def _unbounded(definition: Programme) -> Programme:
    """Give a programme whose caps and limits are looked at and never reached."""
    caps = tuple(msgspec.structs.replace(cap, most=1 << 45) for cap in definition.caps)
    limits = Limits(transaction_minor_max=AMOUNT_MINOR_MAX)
    return msgspec.structs.replace(definition, caps=caps, limits=limits)


def products_target(sizes: Sizes) -> Target:
    """Give the bench's target with a group of cards for each product."""
    target = bench_target(cards=sizes.cards_few, terminals=sizes.many_terminals)
    prepared = min(PREPARED_CARDS_MAX, sizes.cards_few)
    groups = {
        name: CardGroup(
            prefix=f"936401{at:02d}",
            count=prepared if name in ("gift", "membership", "loyalty") else sizes.cards_few,
            expiry=EXPIRY,
            books=False,
        )
        for at, name in enumerate(programmes())
    }
    return msgspec.structs.replace(target, cards={**target.cards, **groups})


def events(target: Target, token_of: Token) -> Iterator[Event]:
    """Yield what comes behind the events of the purse's club."""
    made = programmes()
    yield OrganisationAdded(
        organisation=ORGANISATION, club=CLUB, name="Employer", name_fa="کارفرما"
    )
    for definition in made.values():
        yield ProgrammeLive(definition=definition)
    next_card = sum(group.count for group in target.cards.values() if group.books)
    firsts: dict[str, int] = {}
    for name, definition in made.items():
        group = target.cards[name]
        firsts[name] = next_card
        next_card += group.count
        for added, _ in cards_of(group, definition.programme, token_of):
            yield added
    guests, members = target.cards["guest"].count, target.cards["loyalty"].count
    for first in range(0, guests, GUESTS_A_MEMBER):
        cards = range(
            firsts["guest"] + first, firsts["guest"] + min(first + GUESTS_A_MEMBER, guests)
        )
        member = firsts["loyalty"] + first // GUESTS_A_MEMBER % members
        yield CardsLinked(cards=tuple(cards), to_card=member)


def cases(sizes: Sizes, say: Say) -> list[Row]:
    """Measure on a stand of its own; one row."""
    target = products_target(sizes)
    mixed = load_workload(str(HERE / "products.toml"))
    with running_stand(target, more=partial(events, target), say=say) as stand:
        stand.run(links_of(sizes), sizes.preparing_seconds, workload=PREPARING)
        accounts = expect_products(stand, sizes, mixed)
        together: list[RunResult] = []
        alone: list[RunResult] = []
        for _ in range(sizes.rounds):
            for workload, results in ((None, alone), (mixed, together)):
                outcome = stand.run(
                    links_of(sizes),
                    sizes.seconds,
                    warmup_seconds=sizes.warmup_seconds,
                    workload=workload,
                )
                results.append(outcome.result)
    measured, purse = Measured(results=tuple(together)), Measured(results=tuple(alone))
    return [
        row(
            f"all products mixed, {sizes.links} links x {sizes.window}",
            measured.per_second,
            PER_SECOND,
            baseline=purse.per_second,
            at_least=SHARE_WANTED,
            right=measured.right and purse.right,
            dream=SHARE_DREAM,
            baseline_is="the purse alone, same stand",
            beside=f"{len(target.cards)} groups of cards; each reply stood in the journal, and the "
            f"purse's {accounts:,} accounts were as an independent model has them",
            **measured.facts,
        )
    ]


def expect_products(stand: Stand, sizes: Sizes, mixed: Workload) -> int:
    """Run the mix and look at its rows; gives how many accounts of the purse were compared.

    Raises `WrongPathError` when a product is declined or its rows are not what was told.
    """
    heads = read_heads(stand.site.dsn)
    outcome = stand.run(links_of(sizes), sizes.warmup_seconds, keep_records=True, workload=mixed)
    result = outcome.result
    if not result.good or not result.counts.approved or result.counts.declined:
        raise WrongPathError(
            f"a product was declined, or worse: {result.declines} {', '.join(result.findings)}"
        )
    verdict = check_ledger(
        stand.site.dsn, heads, declared(stand.target), evidence_of(outcome)
    ).books
    if verdict.differences:
        raise WrongPathError(f"the ledger is wrong: {', '.join(verdict.examples)}")
    return verdict.accounts
