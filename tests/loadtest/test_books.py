"""What replies cannot both have told: the model says so, and books nothing that was not there."""

import pytest
from msgspec.structs import replace

from issuers.purse import purse
from loadtest.books import Account, Books, Change, Role, Told
from loadtest.tariff import Club

SHOP = "MARKET000000001"
CLUB = Club(programme=purse(1, 1, 1), categories={SHOP: 5411})


def told(number: int, role: Role, approved_minor: int, **changes: int | bool) -> Told:
    """Give an approved message about card 0; it is paid with money alone."""
    pays = role in (Role.PURCHASE, Role.HOLD, Role.COMPLETION)
    right = Told(
        number=number,
        role=role,
        card=0,
        merchant=SHOP,
        asked_minor=approved_minor,
        approved=True,
        approved_minor=approved_minor,
        money_minor=approved_minor if pays else 0,
        points_earned=approved_minor // 10_000 if pays and role is not Role.HOLD else 0,
    )
    return replace(right, **changes)


def booked(*messages: Told) -> Books:
    books = Books(CLUB, range(len(messages)))
    for message in messages:
        books.add(message)
    return books


def test_a_purchase_takes_from_the_card_and_gives_to_merchant_and_club() -> None:
    books = booked(told(0, Role.PURCHASE, 50_000))

    assert books.findings == []
    assert {account: change for account, change in books.changes() if change != Change(0, 0)} == {
        Account("card", 0, "money"): Change(-50_000, -50_000),
        Account("card", 0, "points"): Change(5, 5),
        Account("merchant", SHOP, "money"): Change(49_500, 49_500),
        Account("club", "", "fees"): Change(500, 500),
        Account("club", "", "points issued"): Change(-5, -5),
    }


@pytest.mark.parametrize(
    ("messages", "finding"),
    [
        (
            [told(0, Role.REFUND, 10, original=7)],
            "message 0 (refund): refunded what was not bought",
        ),
        (
            [told(0, Role.LOAD, 500), told(1, Role.REFUND, 10, original=0)],
            "message 1 (refund): refunded what was not bought",
        ),
        (
            [told(0, Role.PURCHASE, 500), told(1, Role.REFUND, 501, original=0)],
            "message 1 (refund): refunded 501 of 500",
        ),
        (
            [told(0, Role.COMPLETION, 500, original=3)],
            "message 0 (completion): captured a hold that was not there",
        ),
        (
            [told(0, Role.HOLD, 500), told(1, Role.COMPLETION, 501, original=0)],
            "message 1 (completion): captured 501 of 500",
        ),
        (
            [
                told(0, Role.HOLD, 500),
                told(1, Role.COMPLETION, 500, original=0),
                told(2, Role.REVERSAL, 500, original=0),
            ],
            "message 2 (reversal): reversed a hold that was captured",
        ),
        (
            [told(0, Role.HOLD, 500, money_minor=499)],
            "message 0 (hold): held 499 of 500, or more than a hold",
        ),
        (
            [told(0, Role.LOAD, 500, points_earned=3)],
            "message 0 (load): 500 of 500, and 3 besides",
        ),
    ],
)
def test_an_approval_of_what_cannot_be_is_found(messages: list[Told], finding: str) -> None:
    books = booked(*messages)

    assert books.findings == [finding]
    assert books.fault_count == 1


def test_a_reversal_of_what_was_declined_or_never_there_changes_nothing() -> None:
    books = booked(
        told(0, Role.PURCHASE, 500, approved=False),
        told(1, Role.REVERSAL, 500, original=0),
        told(2, Role.REVERSAL, 500, original=9),
    )

    assert books.findings == []
    assert all(change == Change(0, 0) for _, change in books.changes())


def test_what_the_model_has_no_words_for_is_a_difference_on_its_own_cards_only() -> None:
    own = booked(told(0, Role.OTHER, 500))
    others = booked(
        told(0, Role.OTHER, 500, modelled=False), told(1, Role.PURCHASE, 500, modelled=False)
    )

    assert own.findings == ["message 0 (other): moves what this model of the books does not have"]
    assert others.findings == []
    assert all(change == Change(0, 0) for _, change in others.changes())


def test_a_card_never_seen_has_changed_by_nothing() -> None:
    assert booked().change(Account("card", 3, "points")) == Change(0, 0)
