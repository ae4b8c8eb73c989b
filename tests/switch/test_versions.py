"""A version's way from draft to live to retired: who may take which step, and when."""

import msgspec
import pytest

from issuers.purse import purse
from switch._snapshot import Loading, dump
from switch.directory import Directory, EventError
from switch.events import Event, ProgrammeAnnounced, ProgrammeLive
from switch.programme import Programme
from switch.rules import EarnRule
from switch.versions import DAY_SECONDS, digest_of
from tests.support.shop import PANS, Shop, cards_added, new_core, replay_into
from tests.support.versions import (
    announce,
    announced,
    approved,
    checked,
    drafted,
    let_go_live,
    retired,
)

replace = msgspec.structs.replace


def generous(version: int = 2) -> Programme:
    """The purse with more points for everything: it takes nothing away."""
    base = purse(1, version, 1)
    earning = tuple(replace(rule, points=rule.points * 3) for rule in base.earning)
    return replace(base, earning=earning)


def meagre(version: int = 2) -> Programme:
    base = purse(1, version, 1)
    return replace(base, earning=base.earning[1:])


def states(directory: Directory) -> list[tuple[int, str]]:
    found = directory.versions.of(1)
    return [(one.definition.version, one.state) for one in found]


def test_a_version_goes_its_way_and_the_one_before_is_retired() -> None:
    shop = Shop()
    new = generous()

    seen = []
    for event in (drafted, checked, approved):
        shop.record(event(shop, new))
        seen.append(states(shop.directory)[-1])
    shop.record(announced(shop, new, in_days=1))
    before = let_go_live(shop)
    shop.now_s += DAY_SECONDS
    after = let_go_live(shop)

    assert seen == [(2, "draft"), (2, "checked"), (2, "approved")]
    assert (before, after) == (0, 1)
    assert states(shop.directory) == [(1, "retired"), (2, "live")]
    steps = shop.directory.versions.get(1, 2).steps
    assert [(step.state, step.by) for step in steps] == [
        ("draft", "sara"),
        ("checked", "sara"),
        ("approved", "reza"),
        ("announced", "reza"),
        ("live", ""),
    ]
    assert let_go_live(shop) == 0


def test_whoever_wrote_it_does_not_approve_it() -> None:
    shop = Shop()
    shop.record(drafted(shop, generous(), by="sara"))
    shop.record(checked(shop, generous(), by="reza"))

    with pytest.raises(EventError, match="somebody else has to approve it"):
        shop.record(approved(shop, generous(), by="Sara"))

    shop.record(approved(shop, generous(), by="reza"))


def test_another_definition_than_the_approved_one_never_goes_live() -> None:
    shop = Shop()
    announce(shop, generous(), in_days=1)
    shop.now_s += DAY_SECONDS
    other = replace(generous(), commission_bps=101)

    with pytest.raises(EventError, match="not what was approved"):
        shop.record(ProgrammeLive(definition=other))

    assert let_go_live(shop) == 1


def test_a_step_names_the_definition_that_it_is_for() -> None:
    shop = Shop()
    shop.record(drafted(shop, generous()))
    other = replace(generous(), commission_bps=101)

    with pytest.raises(EventError, match="another definition"):
        shop.record(checked(shop, other))


def test_no_version_is_live_before_its_day() -> None:
    shop = Shop()
    announce(shop, generous(), in_days=2)
    shop.now_s += DAY_SECONDS

    with pytest.raises(EventError, match="not due yet"):
        shop.record(ProgrammeLive(definition=generous()))

    assert states(shop.directory) == [(1, "live"), (2, "announced")]


def test_what_takes_something_away_is_announced_a_month_before() -> None:
    shop = Shop()
    shop.record(drafted(shop, meagre()))
    shop.record(checked(shop, meagre()))
    shop.record(approved(shop, meagre()))

    with pytest.raises(EventError, match="announced 30 days before"):
        shop.record(announced(shop, meagre(), in_days=30))  # noon to midnight: half a day less

    shop.record(announced(shop, meagre(), in_days=31))


def test_the_notice_is_the_one_that_the_live_version_promised() -> None:
    shop = Shop(replace(purse(1, 1, 1), notice_days=10))
    shop.record(drafted(shop, generous()))
    shop.record(checked(shop, generous()))
    shop.record(approved(shop, generous()))

    with pytest.raises(EventError, match="announced 10 days before"):
        shop.record(announced(shop, generous(), in_days=9))


def _step_of_last_year(shop: Shop) -> Event:
    return replace(drafted(shop, generous(3)), at_s=shop.now_s - 365 * DAY_SECONDS)


def _shorter_notice(shop: Shop) -> Event:
    shop.record(drafted(shop, meagre()))
    return replace(checked(shop, meagre()), notice_days=0)


def _another_text(shop: Shop) -> Event:
    shop.record(drafted(shop, generous()))
    shop.record(checked(shop, generous()))
    shop.record(approved(shop, generous()))
    return replace(announced(shop, generous(), in_days=1), text_en="All is well.")


def _another_time(shop: Shop) -> Event:
    event = _another_text(shop)
    assert isinstance(event, ProgrammeAnnounced)
    right = announced(shop, generous(), in_days=1)
    return replace(right, live_at_s=event.live_at_s + 10 * DAY_SECONDS)


def _broken_promise(shop: Shop) -> Event:
    broken = replace(generous(), tender=None, operations=generous().operations)
    shop.record(drafted(shop, broken))
    return checked(shop, broken)


def _two_at_once(shop: Shop) -> Event:
    shop.record(drafted(shop, generous()))
    return drafted(shop, generous(3))


def _number_of_before(shop: Shop) -> Event:
    shop.record(drafted(shop, generous()))
    shop.record(retired(shop, 1, 2))
    return drafted(shop, meagre(2))


def _unchecked(shop: Shop) -> Event:
    shop.record(drafted(shop, generous()))
    return approved(shop, generous())


def _no_such_version(shop: Shop) -> Event:
    return retired(shop, 1, 7)


def _of_no_shop(shop: Shop) -> Event:
    rule = EarnRule(name="e", points=1, per_minor=1)
    elsewhere = replace(rule, when=replace(rule.when, merchants=("ELSEWHERE000001",)))
    return drafted(shop, replace(generous(), earning=(elsewhere,)))


def _beside_a_draft(shop: Shop) -> Event:
    shop.record(drafted(shop, generous()))
    return ProgrammeLive(definition=generous(3))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (_step_of_last_year, "the step says"),
        (_shorter_notice, "needs 30 days of notice, not 0"),
        (_another_text, "not made from what changes"),
        (_another_time, "another time than its day begins"),
        (_broken_promise, "could not pay with it any more"),
        (_two_at_once, "version 2 is under way"),
        (_number_of_before, "version 2 was there before"),
        (_unchecked, "is draft, not checked"),
        (_no_such_version, "has no version 7"),
        (_of_no_shop, "no merchant"),
        (_beside_a_draft, "version 2 is under way"),
    ],
)
def test_a_step_that_may_not_be_taken_changes_nothing(make: object, error: str) -> None:
    shop = Shop()
    assert callable(make)
    event = make(shop)
    before = (shop.state(), shop.directory.dump(), shop.core.last_seq)

    with pytest.raises(EventError, match=error):
        shop.record(event)

    assert (shop.state(), shop.directory.dump(), shop.core.last_seq) == before


def test_a_version_that_was_announced_can_be_called_off() -> None:
    shop = Shop()
    announce(shop, generous(), in_days=1)

    shop.record(retired(shop, 1, 2))
    shop.now_s += DAY_SECONDS

    assert let_go_live(shop) == 0
    assert states(shop.directory) == [(1, "live"), (2, "retired")]
    announce(shop, generous(3), in_days=1)


def test_lots_keep_the_rule_that_they_were_earned_under() -> None:
    shop = Shop()
    shop.load(1_000_000)
    old = shop.send(amount_minor=100_000)
    lots = shop.lots()
    shorter = replace(
        generous(), earning=tuple(replace(r, expires_after_days=400) for r in generous().earning)
    )
    announce(shop, shorter, in_days=1)
    shop.now_s += DAY_SECONDS
    let_go_live(shop)

    kept = shop.lots()
    new = shop.send(amount_minor=100_000)
    both = shop.lots()
    shop.refund(old, 50_000)
    after = shop.lots()

    assert kept == lots
    assert (new.code, len(lots), len(both)) == ("00", 1, 2)
    assert both[0] == lots[0]
    assert [lot[1] for lot in after] == [lots[0][1] // 2, both[1][1]]
    assert shop.core.imbalances() == []


def test_cards_of_a_retired_programme_buy_nothing_and_get_back_what_is_theirs() -> None:
    shop = Shop()
    shop.load(1_000_000)
    bought = shop.send(amount_minor=100_000)
    hold = shop.send("0100", "000000", 50_000)
    seq = shop.record(retired(shop, 1, 1))

    refused = [
        shop.send(amount_minor=1_000),
        shop.send("0100", "000000", 1_000),
        shop.send(code="210000", amount_minor=1_000),
    ]
    balance = shop.send("0100", "310000", None)
    refund = shop.refund(bought, 40_000)
    completed = shop.complete(hold, 30_000)

    assert {(said.code, said.reason) for said in refused} == {("57", "programme_retired")}
    assert [said.code for said in (balance, refund, completed)] == ["00", "00", "00"]
    assert states(shop.directory) == [(1, "retired")]
    assert seq > bought.seq
    assert shop.core.imbalances() == []


def test_a_version_after_the_last_one_was_retired_makes_the_cards_good_again() -> None:
    shop = Shop()
    shop.load(1_000_000)
    shop.record(retired(shop, 1, 1))

    announce(shop, generous(), in_days=1)
    shop.now_s += DAY_SECONDS
    let_go_live(shop)

    assert shop.send(amount_minor=1_000).code == "00"


@pytest.mark.parametrize("steps", ["announced", "live", "retired"])
def test_versions_come_back_from_the_journal_and_from_a_snapshot(steps: str) -> None:
    shop = Shop()
    announce(shop, generous(), in_days=1)
    if steps != "announced":
        shop.now_s += DAY_SECONDS
        let_go_live(shop)
    if steps == "retired":
        shop.record(retired(shop, 1, 2))
    core = new_core()
    loading = Loading(core)
    for part, body in dump(shop.core):
        loading.take(part, body)
    loading.finish()
    loaded = Directory(core)

    replayed = replay_into(new_core(), shop.journal())
    loaded.load(shop.directory.dump())

    assert replayed.dump() == shop.directory.dump()
    assert loaded.dump() == shop.directory.dump()
    assert loaded.versions.get(1, 2).state == steps


def test_a_card_of_a_drafted_programme_cannot_be_added() -> None:
    shop = Shop()
    shop.record(drafted(shop, purse(3, 1, 1)))

    with pytest.raises(EventError, match="which is not known"):
        shop.record(cards_added(shop.core, 3, [PANS[0][:-1] + "7"], [3012]))


class LaterProgramme(Programme, frozen=True, kw_only=True):
    """As a later version of this software may define it."""

    added: int = 0


def test_a_part_that_software_adds_later_makes_no_other_definition() -> None:
    """Else a journal with a version under way could not be replayed after an upgrade."""
    said = msgspec.to_builtins(purse(1, 1, 1))
    later = msgspec.convert(said, LaterProgramme)

    assert digest_of(later) == digest_of(purse(1, 1, 1))
    assert digest_of(msgspec.structs.replace(later, added=1)) != digest_of(purse(1, 1, 1))


def test_each_difference_of_definitions_is_one_of_digests() -> None:
    one = purse(1, 1, 1)
    others = [
        msgspec.structs.replace(one, version=2),
        msgspec.structs.replace(one, name_fa=one.name),
        msgspec.structs.replace(one, earning=one.earning[::-1]),
        msgspec.structs.replace(one, discounts=()),
        msgspec.structs.replace(one, limits=msgspec.structs.replace(one.limits, day_count_max=1)),
    ]

    assert len({digest_of(each) for each in (one, *others)}) == 6
