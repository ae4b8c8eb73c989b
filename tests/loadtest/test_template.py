"""Goal: a patched request is the one that the codec would have encoded, for every kind and spec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import kinds
from loadtest.dialect import Dialect, dialect_of
from loadtest.kinds import Kind
from loadtest.population import Card, Population, Terminal
from loadtest.requests import Desk, Request, RrnCounter, Stationery, TerminalClock
from loadtest.template import Template
from switch.iso8583 import Framing, named

DIALECTS = {
    "pos-binary": dialect_of("pos-binary"),
    "pos-ascii": dialect_of("pos-ascii"),
    "ebcdic": Dialect(named("iso1987-ebcdic"), Framing()),
}
CARD = Card(pan="6037991234567893", expiry="2912")
STANDING_ALONE = [
    kinds.PURCHASE,
    kinds.MIXED,
    kinds.POINTS_PAYMENT,
    kinds.BALANCE,
    kinds.POINTS_BALANCE,
    kinds.LOAD,
    kinds.PREAUTHORISATION,
]
FOLLOWING = [
    kinds.COMPLETION,
    kinds.REFUND,
    kinds.REVERSAL,
    kinds.REVERSAL_ADVICE,
]


def new_desk(dialect: Dialect, *, now_seconds: float = 1_790_000_000.0) -> Desk:
    """Give a desk whose clock stands still."""
    population = Population(
        terminals=(), cards=(), poor_cards=(), blocked_cards=(), unknown_cards=(), acquirer="100001"
    )
    return Desk(
        terminal=Terminal(terminal_id="T0000042", merchant_id="M00000000000007"),
        stationery=Stationery(dialect.encode, population),
        clock=TerminalClock(lambda: now_seconds),
        rrns=RrnCounter(123_456_789_000),
        acquirer="100001",
    )


def elements_of(request: Request) -> dict[str, str]:
    """Spell out what a request must contain, without any template."""
    kind = request.kind
    elements = {
        "2": request.card.pan,
        "3": request.processing_code,
        "7": request.transmitted_at,
        "11": f"{request.stan:06d}",
        "12": request.at[4:],
        "13": request.at[:4],
        "14": request.card.expiry,
        "32": "100001",
        "37": f"{request.rrn:012d}",
        "41": "T0000042",
        "42": "M00000000000007",
        **dict(kind.elements),
    }
    if not kind.asks_only:
        elements |= {"4": f"{request.amount_minor:012d}", "49": "364"}
    if request.points_limit:
        elements["48.PR"] = str(request.points_limit)
    if request.original is not None:
        first = request.original
        naming = f"{first.kind.message_type}{first.stan:06d}{first.transmitted_at}"
        elements["90"] = naming + "00000100001" + "0" * 11
    return elements


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("kind", STANDING_ALONE, ids=lambda kind: kind.name)
def test_a_patched_request_equals_a_freshly_encoded_one(dialect: Dialect, kind: Kind) -> None:
    points_limit = 1_750 if kind is kinds.MIXED else 0
    amount_minor = 0 if kind.asks_only else 123_450

    desk = new_desk(dialect)
    desk.request(kind, Card(pan="6037997654321098", expiry="3105"), points_limit=points_limit)
    request = desk.request(kind, CARD, amount_minor=amount_minor, points_limit=points_limit)

    assert request.body == dialect.encode(kind.message_type, elements_of(request))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("kind", FOLLOWING, ids=lambda kind: kind.name)
def test_a_patched_follow_up_equals_a_freshly_encoded_one(dialect: Dialect, kind: Kind) -> None:
    desk = new_desk(dialect)
    original = desk.request(kinds.PURCHASE, CARD, amount_minor=123_450)

    request = desk.follow_up(kind, original, amount_minor=100_000)

    assert request.body == dialect.encode(kind.message_type, elements_of(request))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_repeat_differs_in_its_message_type_alone(dialect: Dialect) -> None:
    request = new_desk(dialect).request(kinds.PURCHASE, CARD, amount_minor=5)

    assert request.repeat_body() == dialect.encode("0201", elements_of(request))


@given(
    amount_minor=st.integers(0, 999_999_999_999),
    pan=st.text("0123456789", min_size=13, max_size=19),
    times=st.integers(0, 4_000_000_000),
)
def test_any_value_of_the_right_length_is_patched_right(
    amount_minor: int, pan: str, times: int
) -> None:
    dialect = DIALECTS["pos-binary"]

    desk = new_desk(dialect, now_seconds=float(times))
    request = desk.request(kinds.PURCHASE, Card(pan=pan, expiry="2912"), amount_minor=amount_minor)

    assert request.body == dialect.encode("0200", elements_of(request))


def test_a_value_of_another_length_is_refused() -> None:
    template = Template(DIALECTS["pos-ascii"].encode, "0200", {"11": "000001"}, ["11"])

    with pytest.raises(AssertionError, match="length of its slot"):
        template.render("0200", "1234567")


def test_an_unknown_spelling_is_refused() -> None:
    def encode_reversed(message_type: str, elements: object) -> bytes:
        assert isinstance(elements, dict)
        return message_type.encode() + bytes(byte ^ 0xFF for byte in elements["11"].encode())

    with pytest.raises(ValueError, match="element 11"):
        Template(encode_reversed, "0200", {"11": "000001"}, ["11"])
