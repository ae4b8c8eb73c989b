"""What the generator kept, as evidence: roles of kinds, masked cards, replies that owe rows."""

import pytest

from bashgah import demo_vouchers
from bashgah.demo import CROWD_PANS
from loadtest.arrival import constant
from loadtest.books import Role
from loadtest.run import RunPlan, compile_plan, run_load
from loadtest.run_evidence import evidence_of, masker, role_of
from loadtest.target import MessageKind, load_target
from tests.loadtest.host import Answer, Host, Request, serving, target

ROLES = {
    "purchase": Role.PURCHASE,
    "mixed": Role.MIXED,
    "points_payment": Role.POINTS,
    "balance": Role.NOTHING,
    "points_balance": Role.NOTHING,
    "refund": Role.REFUND,
    "load": Role.LOAD,
    "preauthorisation": Role.HOLD,
    "completion": Role.COMPLETION,
    "reversal": Role.REVERSAL,
    "reversal_advice": Role.REVERSAL,
    "activation": Role.OTHER,
    "withdrawal": Role.OTHER,
    "renewal": Role.OTHER,
    "register_item": Role.OTHER,
    "item": Role.OTHER,
    "claim": Role.OTHER,
    "repayment": Role.OTHER,
    "debt": Role.OTHER,
    "redemption": Role.OTHER,
}


@pytest.mark.parametrize("name", ["bashgah-binary", "bashgah-ascii"])
def test_every_kind_of_our_targets_has_its_role(name: str) -> None:
    target, _ = load_target(name)

    assert {kind: role_of(target.kinds[kind]) for kind in target.kinds} == ROLES


def test_network_messages_move_nothing_and_a_strange_code_has_no_model() -> None:
    echo = MessageKind(message_type="0800", elements={"70": "301"})
    strange = MessageKind(message_type="0200", elements={"3": "990000"})

    assert role_of(echo) is Role.NOTHING
    assert role_of(strange) is Role.OTHER


def test_a_cards_index_becomes_its_first_and_last_digits() -> None:
    plan = RunPlan(target="bashgah-binary", arrival=constant(1))
    _, _, tables, _ = compile_plan(plan)

    masked = masker(tables)

    for index in (0, 1, 999):
        pan = CROWD_PANS[index]
        assert masked(index) == f"{pan[:6]}******{pan[-4:]}"
    before = sum(group.count for group in tables.groups[: tables.group_names.index("voucher")])
    serial = demo_vouchers.serial(3_000)
    assert masked(before) == f"{serial[:6]}******{serial[-4:]}"
    with pytest.raises(IndexError):
        masked(sum(group.count for group in tables.groups))


def test_only_what_was_decided_and_answered_owes_a_row() -> None:
    """Of four messages one gets no reply, one "not now", one a decline, one an approval."""

    def behave(host: Host, request: Request) -> list[Answer]:
        code = ("", "91", "51", "00")[request.count % 4]
        return [host.reply(request, code)] if code else []

    with serving(behave) as host:
        outcome = run_load(
            RunPlan(
                target=target(),
                workload="purchase",
                arrival=constant(400),
                address=host.address,
                connections=1,
                window=64,
                seconds=0.1,
                reply_seconds=0.3,
            )
        )
    evidence = evidence_of(outcome)

    told = list(evidence.told())
    owed = [bool(evidence.digests[each.number]) for each in told]
    assert owed == [False, False, True, True] * 10
    assert [each.approved for each in told] == [False, False, False, True] * 10
    assert evidence.rrn(told[3].number) == outcome.records.rrn(told[3].number)
    assert evidence.referred == set()
    began_s = told[0].decided_from_s
    assert all(each.decided_to_s - began_s < 5 for each in told if each.approved)
    assert told[0].decided_to_s - began_s > 60
