"""The demo club's other products: a programme each, a few cards, and what its tills do with them.

Owns the table that the closing JSON's `products` comes from: whoever adds a product adds a row.
What a product is says `issuers/`; `bashgah.demo_loader` puts the cards into a database.
"""

from collections.abc import Callable
from itertools import count

from msgspec import Struct

from acquirers.terminal.orders import Order, Service
from bashgah import demo_vouchers
from bashgah.card_production.guests import pans_beside
from bashgah.demo import CLUB, EXPIRY, SHOPS, TestCard, crowd_pan
from issuers.bon import bon
from issuers.credit import credit
from issuers.discount import discount
from issuers.gift import gift
from issuers.guest import guest
from issuers.loyalty import loyalty
from issuers.membership import membership
from issuers.prepaid import prepaid
from issuers.purse import CAFE
from issuers.qarz import qarz
from issuers.warranty import warranty
from switch.events import OrganisationAdded
from switch.programme import Programme

CARDS_PER_PRODUCT = 3
FIRST_CARD = 2_000
"""Of programme 11; those of programme 12 begin with 2,010, and so on: far from the crowd."""

REFERRERS_FROM = 5_000_000
GUEST_USES = 1_000_000
GIFT_MINOR = 2_000_000
QARZ_MINOR = 3_300_000
QARZ_OWED_MINOR = QARZ_MINOR + 132_000 + 88_000 + 44_000
"""4 % of what is left at the beginning of each of three years."""
EMPLOYER = OrganisationAdded(organisation=1, club=CLUB, name="Employer", name_fa="کارفرما")

Token = Callable[[str], bytes]


class Product(Struct, frozen=True, kw_only=True):
    """A product of the demo club. `name` is its key in the closing JSON.

    `orders`: what a till does with a card of it in one round, given a number that no other round
    has. Some of it may be declined: a gift card is sold once. `guests`: each of these cards was
    given by a further member, whose card's number depends on the site's key: it has to live beside
    its guest's. `organisation`: who pays for it. `takes_vouchers`: its tills sell and redeem
    vouchers with its cards.
    """

    name: str
    definition: Programme
    label: str
    label_fa: str
    orders: Callable[[int], tuple[Order, ...]]
    guests: tuple[TestCard, ...] = ()
    organisation: OrganisationAdded | None = None
    takes_vouchers: bool = False

    @property
    def cards(self) -> tuple[TestCard, ...]:
        """Give the cards with the documented numbers."""
        first = FIRST_CARD + 10 * (self.definition.programme - 11)
        return tuple(self._card(crowd_pan(first + at)) for at in range(CARDS_PER_PRODUCT))

    def referrers(self, token_of: Token) -> tuple[TestCard, ...]:
        """Give the cards of who has given the guests' cards, in the order of these."""
        guests = [token_of(guest.pan) for guest in self.guests]
        candidates = (crowd_pan(REFERRERS_FROM + more) for more in count())
        return tuple(map(self._card, pans_beside(guests, candidates, token_of)))

    def cards_of_site(self, token_of: Token) -> tuple[TestCard, ...]:
        """Give all cards."""
        return (*self.cards, *self.referrers(token_of))

    def _card(self, pan: str) -> TestCard:
        return TestCard(
            pan=pan, expiry=EXPIRY, label=self.label, label_fa=self.label_fa, opening_minor=0
        )


def _pay(amount_minor: int) -> Order:
    return Order(service=Service.PURCHASE, amount_minor=amount_minor)


def _warranty(number: int) -> tuple[Order, ...]:
    serial = f"DEMO-{number}"
    about = (Service.REGISTER_ITEM, Service.ITEM, Service.CLAIM)
    return tuple(Order(service=service, serial=serial) for service in about)


GUEST = Product(
    name="guest",
    definition=guest(16, 1, CLUB, member_programme=11, uses=GUEST_USES),
    label="guest card",
    label_fa="کارت مهمان",
    orders=lambda number: (_pay(200_000),),
)

LOYALTY = Product(
    name="loyalty",
    definition=loyalty(11, 1, CLUB, partner=SHOPS[1].merchant_id),
    label="loyalty",
    label_fa="وفاداری",
    orders=lambda number: (
        _pay(500_000),
        Order(service=Service.POINTS, amount_minor=20_000),
    ),
    guests=GUEST.cards,
)

PRODUCTS: list[Product] = [
    LOYALTY,
    Product(
        name="membership",
        definition=membership(12, 1, CLUB, renews_itself=True),
        label="membership",
        label_fa="عضویت",
        # Renewed now and then only: a year more each time is soon beyond the calendar.
        orders=lambda number: (
            *((Order(service=Service.RENEWAL),) if number % 100 == 0 else ()),
            _pay(300_000),
        ),
    ),
    Product(
        name="discount",
        definition=discount(13, 1, CLUB),
        label="discount network",
        label_fa="شبکهٔ تخفیف",
        orders=lambda number: (_pay(400_000), Order(service=Service.BALANCE)),
    ),
    Product(
        name="instalment",
        definition=credit(18, 1, CLUB, rebate_bps=200, pays_itself=True),
        label="instalment credit",
        label_fa="اعتبار اقساطی",
        # What was bought is paid back at once: the limit is never reached.
        orders=lambda number: (
            Order(service=Service.INSTALMENTS, amount_minor=400_000, plan=1),
            Order(service=Service.DEBT),
            Order(service=Service.REPAYMENT, amount_minor=400_000),
        ),
    ),
    Product(
        name="qarz",
        definition=qarz(19, 1, CLUB),
        label="qarz-al-hasaneh",
        label_fa="قرض‌الحسنه",
        orders=lambda number: (
            _pay(QARZ_MINOR),
            Order(service=Service.REPAYMENT, amount_minor=QARZ_OWED_MINOR),
        ),
    ),
    Product(
        name="gift",
        definition=gift(14, 1, CLUB, top_up=True),
        label="gift card, not sold yet",
        label_fa="کارت هدیه، فروخته‌نشده",
        orders=lambda number: (
            Order(service=Service.ACTIVATION, amount_minor=GIFT_MINOR),
            Order(service=Service.LOAD, amount_minor=100_000),
            _pay(100_000),
        ),
    ),
    Product(
        name="purchase",
        definition=prepaid(15, 1, CLUB),
        label="purchase card",
        label_fa="کارت خرید",
        orders=lambda number: (
            Order(service=Service.LOAD, amount_minor=500_000),
            _pay(50_000),
            Order(service=Service.WITHDRAWAL, amount_minor=450_000),
        ),
    ),
    Product(
        name="bon",
        definition=bon(
            20,
            1,
            CLUB,
            organisation=EMPLOYER.organisation,
            monthly_minor=50_000_000,
            categories=(SHOPS[2].category, CAFE),
            rest="declined",
        ),
        label="bon, not for books",
        label_fa="بن، جز برای کتاب",
        # A month lasts for half a day of rounds; from then on it is declined.
        orders=lambda number: (_pay(1_000),),
        organisation=EMPLOYER,
    ),
    GUEST,
    Product(
        name="warranty",
        definition=warranty(17, 1, CLUB),
        label="warranty",
        label_fa="ضمانت",
        orders=_warranty,
    ),
]

PRODUCTS.append(
    Product(
        name="voucher",
        definition=prepaid(22, 1, CLUB, vouchers=demo_vouchers.PROGRAMME),
        label="takes vouchers",
        label_fa="با کارت شارژ",
        orders=lambda number: (),
        takes_vouchers=True,
    )
)

PRODUCT_CARDS: list[TestCard] = [card for product in PRODUCTS for card in product.cards]
"""The cards with documented numbers, behind `bashgah.demo.TEST_CARDS` in a terminal's list."""
