"""The demo club: its merchants, terminals and documented test cards.

Owns what the README's tables say; `bashgah.demo_loader` puts it into a database. The cards' numbers
are of a range that no scheme issues: they are no secret, and worth nothing outside a demo.
"""

import msgspec

from issuers.purse import BOOKSHOP, CAFE
from switch.masked import Masked
from switch.operations import CardStatus

CLUB = 1
ACQUIRER = 1
ACQUIRER_CODE = "581672"
PROGRAMME = 1
BIN = "93640011"
EXPIRY = "3012"
CROWD = 1_000
"""Cards without a label, for load."""

OPENING_MINOR = 50_000_000
SMALL_OPENING_MINOR = 5_000


class TestCard(Masked, frozen=True, kw_only=True):
    """A documented card of the demo. `expiry` is YYMM; `opening_minor` was loaded at the start."""

    __test__ = False  # the name is the field's; pytest need not look

    pan: str
    expiry: str
    label: str
    label_fa: str
    opening_minor: int = OPENING_MINOR
    status: CardStatus = CardStatus.ACTIVE

    def shown(self) -> str:
        """Show first six and last four digits only, as for any card."""
        return f"{self.pan[:6]}******{self.pan[-4:]}, {self.label}"


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant of the demo."""

    merchant_id: str
    category: int
    name: str
    name_fa: str


def with_check_digit(digits: str) -> str:
    """Give a PAN: the digits and their Luhn check digit. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def crowd_pan(number: int) -> str:
    """Give the PAN of the demo's card `number`."""
    return with_check_digit(f"{BIN}{number:07d}")


TEST_CARDS: list[TestCard] = [
    TestCard(pan=crowd_pan(1), expiry=EXPIRY, label="Sara, with money", label_fa="سارا، پولدار"),
    TestCard(pan=crowd_pan(2), expiry=EXPIRY, label="Reza, with money", label_fa="رضا، پولدار"),
    TestCard(
        pan=crowd_pan(3),
        expiry=EXPIRY,
        label="Mina, nearly empty",
        label_fa="مینا، تقریباً خالی",
        opening_minor=SMALL_OPENING_MINOR,
    ),
    TestCard(
        pan=crowd_pan(4),
        expiry=EXPIRY,
        label="blocked",
        label_fa="مسدود",
        status=CardStatus.BLOCKED,
    ),
    TestCard(
        pan=crowd_pan(5),
        expiry=EXPIRY,
        label="reported lost",
        label_fa="مفقود",
        status=CardStatus.LOST,
    ),
    TestCard(
        pan=crowd_pan(6),
        expiry=EXPIRY,
        label="reported stolen",
        label_fa="مسروقه",
        status=CardStatus.STOLEN,
    ),
    TestCard(
        pan=crowd_pan(7),
        expiry=EXPIRY,
        label="closed account",
        label_fa="حساب بسته",
        status=CardStatus.CLOSED,
    ),
    TestCard(pan=crowd_pan(8), expiry="2401", label="expired", label_fa="منقضی"),
]

SHOPS = (
    Shop(merchant_id="CAFE00000000001", category=CAFE, name="Cafe Nader", name_fa="کافه نادر"),
    Shop(merchant_id="BOOKS0000000001", category=BOOKSHOP, name="Book City", name_fa="شهر کتاب"),
    Shop(merchant_id="MARKET000000001", category=5411, name="Market", name_fa="فروشگاه محله"),
)

MAC_TERMINAL = "T0001200"
"""The one whose messages have to carry MACs."""

TERMINALS_PER_SHOP = 400
TERMINALS: list[tuple[str, str]] = [
    (f"T{number + 1:07d}", SHOPS[number % len(SHOPS)].merchant_id)
    for number in range(TERMINALS_PER_SHOP * len(SHOPS))
]
"""Terminal and merchant (DE 41, DE 42). The last one loads the opening balances."""

PRODUCT_TILLS = TERMINALS[-4:-1]
"""The tills that trade with the cards of the club's other products: one in each shop."""

CROWD_PANS = tuple(crowd_pan(100 + number) for number in range(CROWD))
