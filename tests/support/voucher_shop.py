"""A shop that sells vouchers, whose cards take them by PIN.

Owns which PIN is which voucher's. The HSM is here: it digests a PIN that is in the message, says
that one is mistyped (`MISTYPED`), or is away. `tests/gate` asks a real one.
"""

import struct
from collections.abc import Callable
from hashlib import sha256

from issuers.club_card import club_card
from issuers.voucher import voucher
from switch._security import voucher as voucher_of
from switch.events import CardsAdded, IssuerKeysSet, TerminalKeysSet
from switch.programme import Programme
from tests.support.shop import NOON_S, TERMINALS, Said, Shop, Verdict

VOUCHERS = 5
"""The vouchers' programme; the cards' own is 1, the club card."""
PRICE_MINOR = 500_000
MISTYPED = "mistyped"
VOUCHER_PIN = 64
SEALED = "U0123456789ABCDEF0123456789ABCDEF"
LABEL = "TEN"


def number_of(serial: int) -> str:
    """Give the card number under which a voucher is sold."""
    return f"627700{serial:010d}"


def digest_of(pin: str) -> bytes:
    """Give what the HSM would make of a PIN."""
    return sha256(pin.encode()).digest()


def vouchers_added(
    shop: Shop,
    pins: dict[int, str],
    *,
    price_minor: int = PRICE_MINOR,
    points: int = 0,
    expires_yymm: int = 3012,
    programme: int = VOUCHERS,
    digest: Callable[[str], bytes] = digest_of,
) -> CardsAdded:
    """Give the event that loads vouchers: their serial numbers and PINs."""
    numbers = [number_of(serial) for serial in pins]
    count = len(numbers)
    return CardsAdded(
        programme=programme,
        tokens=b"".join(shop.core.token_of(number) for number in numbers),
        expiries=struct.pack(f"<{count}H", *[expires_yymm] * count),
        first6=struct.pack(f"<{count}I", *(int(number[:6]) for number in numbers)),
        last4=struct.pack(f"<{count}H", *(int(number[-4:]) for number in numbers)),
        digests=b"".join(digest(pin) for pin in pins.values()),
        price_minor=price_minor,
        points=points,
        batch="B1",
        digest_key=1,
        digest_label=LABEL,
    )


def digest_key(programme: int) -> IssuerKeysSet:
    """Give the event that says how a programme's PINs are digested."""
    return IssuerKeysSet(programme=programme, voucher=SEALED, voucher_key=1, voucher_label=LABEL)


class VoucherShop(Shop):
    """Cards of the club card that take vouchers; 1 to 8 are loaded: PINs `pin1` to `pin8`.

    5 and 6 are worth 700 points, the others their price. Cards 0 to 4 were sold, where they are.
    """

    def __init__(
        self,
        programme: Programme | None = None,
        *,
        earlier: tuple[Programme, ...] = (),
        now_s: int = NOON_S,
        shard: int = 0,
        loaded: bool = True,
    ) -> None:
        """`loaded` false: it has no vouchers, another shard does."""
        programme = programme or club_card(1, 1, 1, vouchers=VOUCHERS)
        super().__init__(
            programme, earlier=(voucher(VOUCHERS, 1, 1), *earlier), now_s=now_s, shard=shard
        )
        self.record(digest_key(VOUCHERS))
        for terminal in range(len(TERMINALS)):
            self.record(TerminalKeysSet(terminal=terminal, data=SEALED))
        if loaded:
            self._load()
        if programme.activation is not None:
            for card in range(5):
                assert self.send(code="720000", amount_minor=1_000, card=card).code == "00"
        self.away = False
        self.pin = ""
        self.hsm = self._verdict

    def _load(self) -> None:
        self.record(vouchers_added(self, {serial: f"pin{serial}" for serial in (1, 2, 3, 4, 7, 8)}))
        of_points = {serial: f"pin{serial}" for serial in (5, 6)}
        self.record(vouchers_added(self, of_points, points=700))

    def _verdict(self, wanted: int, again: int) -> Verdict:
        assert wanted == VOUCHER_PIN
        if self.away:
            return (0, 0, 0, wanted, 0)
        if self.pin == MISTYPED:
            return (wanted, 0, wanted, 0, 0)
        return (wanted, wanted, 0, 0, 0, 0, digest_of(self.pin))

    def sell(self, serial: int, amount_minor: int = PRICE_MINOR) -> Said:
        """Sell a voucher."""
        return self.send(code="720000", amount_minor=amount_minor, card=number_of(serial))

    def redeem(self, pin: str, *, card: int = 0, terminal: str = "T0000001") -> Said:
        """Enter a PIN; an empty one is not sent."""
        self.pin = pin
        sent = sha256(pin.encode()).hexdigest()[:48].upper() if pin else None
        return self.send(
            code="730000", amount_minor=None, card=card, terminal=terminal, extra={"48.VP": sent}
        )

    def undo(self, original: Said, *, card: int | str = 0) -> Said:
        """Reverse a sale (`card`: the voucher's number) or a redemption."""
        return self.send(
            "0400",
            original.elements["3"],
            int(original.elements.get("4", "0")),
            card=card,
            extra={90: original.original()},
        )

    def card_of(self, serial: int) -> int:
        """Give a voucher's number among the cards."""
        card = self.core.card_of(self.core.token_of(number_of(serial)))
        assert card is not None
        return card

    def redeemed_by(self, serial: int) -> int | None:
        """Give the card that has got a voucher's value."""
        found = voucher_of(self.core, self.card_of(serial))
        assert found is not None
        return found[2]

    def value(self, serial: int) -> tuple[int, int]:
        """Give the money and the points that a voucher has."""
        first = self.core.card(self.card_of(serial))[0]
        return int(self.core.account(first)[4]), int(self.core.account(first + 1)[4])

    def balances(self, card: int = 0) -> dict[str, int]:
        """Ask for a card's balances."""
        return self.send("0100", "310000", None, card=card).balances()
