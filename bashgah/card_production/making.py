"""Making cards by an HSM's commands: PIN, PVV, verification values, the chip's key.

Owns the order of commands for a card. PINs are here only under the LMK, chip keys only under the
personaliser's ZMK. CVVs and tracks are in this process in clear, since they are printed; they leave
it encrypted.

    JA PIN | DG PVV | CW with the card's service code: CVV | CW with 000: CVV2 | CW with 999: iCVV |
    ZG chip key under the ZMK

All verification values are over YYMM.
"""

from collections.abc import Sequence

import msgspec
import trio

from bashgah.card_production.orders import Order
from bashgah.hsm_dialog import ask, fetched
from switch.hsm_client import HsmSession
from switch.masked import Masked

AT_ONCE_MAX = 16  # cards; an HSM's session takes 64 commands
CVV2_SERVICE_CODE, ICVV_SERVICE_CODE = "000", "999"
CRYPTOGRAM_KEY_TYPE = "109"
ZMK_SCHEME = "X"  # ECB under the ZMK, what personalisers' machines read
CHECK_CHARACTERS = 6
MAILERS_MAX = 99  # of one command


class SealedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The order's keys, as read from their files."""

    pvk: str
    cvk: str
    mk_ac: str
    zmk: str


class MadeCard(Masked, frozen=True, kw_only=True):
    """A card as the HSM helped to make it."""

    pan: str
    name: str
    sealed_pin: str  # under the LMK
    pvv: str
    cvv: str
    cvv2: str
    icvv: str
    chip_key: str  # under the ZMK
    chip_key_check: str

    def shown(self) -> str:
        """Show first six and last four digits only."""
        return masked(self.pan)


def masked(pan: str) -> str:
    """Give what may be shown of a PAN."""
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}"


def account_of(pan: str) -> str:
    """Give the 12 digits that PIN commands take."""
    return pan[-13:-1].rjust(12, "0")


async def make_cards(
    session: HsmSession, order: Order, keys: SealedKeys, pans: Sequence[str], names: Sequence[str]
) -> list[MadeCard]:
    """Make all cards of an order, in its order. Raises groups of HsmRefused, HsmUnavailable."""
    made: list[MadeCard | None] = [None] * len(pans)
    places = trio.CapacityLimiter(AT_ONCE_MAX)

    async def make(place: int) -> None:
        async with places:
            made[place] = await _make_card(session, order, keys, pans[place], names[place])

    async with trio.open_nursery() as nursery:
        for place in range(len(pans)):
            nursery.start_soon(make, place)
    return [card for card in made if card is not None]


async def _make_card(
    session: HsmSession, order: Order, keys: SealedKeys, pan: str, name: str
) -> MadeCard:
    account = account_of(pan)
    pin = await _text(session, "JA", f"{account}{order.pin_digits:02}")
    pvv = await _text(session, "DG", f"{keys.pvk}{pin}{account}{order.pvki}")
    cvvs = [
        await _text(session, "CW", f"{keys.cvk}{pan};{order.expiry}{service_code}")
        for service_code in (order.service_code, CVV2_SERVICE_CODE, ICVV_SERVICE_CODE)
    ]
    derive = f"{CRYPTOGRAM_KEY_TYPE}{keys.mk_ac}{keys.zmk}{ZMK_SCHEME}{pan};"
    chip_key = await _text(session, "ZG", derive + order.sequence_number)
    return MadeCard(
        pan=pan,
        name=name,
        sealed_pin=pin,
        pvv=pvv,
        cvv=cvvs[0],
        cvv2=cvvs[1],
        icvv=cvvs[2],
        chip_key=chip_key[:-CHECK_CHARACTERS],
        chip_key_check=chip_key[-CHECK_CHARACTERS:],
    )


async def mailers(
    session: HsmSession, batch: str, cards: Sequence[MadeCard], recipient: str
) -> tuple[bytes, bytes]:
    """Have the HSM write the PIN mailers' file: the envelope, the HSM's signature over it.

    A line is `number of the card in the batch,masked PAN,name,PIN`.
    """
    number = await _text(session, "ZI", batch + recipient)
    for start in range(0, len(cards), MAILERS_MAX):
        part = cards[start : start + MAILERS_MAX]
        rows = "".join(_mailer(place, card) for place, card in enumerate(part, start + 1))
        await ask(session, "ZK", f"{number}{len(part):02}{rows}")
    return await fetched(session, number, await ask(session, "ZM", number))


def _mailer(place: int, card: MadeCard) -> str:
    text = f"{place},{masked(card.pan)},{card.name}"
    return f"{account_of(card.pan)}{card.sealed_pin}{len(text):02}{text}"


async def _text(session: HsmSession, command: str, fields: str) -> str:
    return (await ask(session, command, fields)).decode("ascii")
