"""Making cards by an HSM's commands: PIN, PVV, verification values, the chip's key.

Owns the order of commands for a card. PINs are here only under the LMK, chip keys only under the
personaliser's ZMK. CVVs and tracks are in this process in clear, since they are printed; they leave
it encrypted.

    JA PIN | DG PVV | CW with the card's service code: CVV | CW with 000: CVV2 | CW with 999: iCVV |
    ZG chip key under the ZMK | ZG with the order's key for it: key of stripe mode, sequence 00

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
CRYPTOGRAM_KEY_TYPE, DYNAMIC_CODE_KEY_TYPE = "109", "709"
NO_SEQUENCE_NUMBER = "00"  # a track tells none
ZMK_SCHEME = "X"  # ECB under the ZMK, what personalisers' machines read
CHECK_CHARACTERS = 6
MAILERS_MAX = 99  # of one command


class SealedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The order's keys, as read from their files."""

    pvk: str
    cvk: str
    mk_ac: str
    zmk: str
    mk_cvc3: str = ""


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
    dynamic_code_key: str = ""  # of stripe mode, under the ZMK; empty = it has none
    dynamic_code_key_check: str = ""

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
    under_zmk = f"{keys.zmk}{ZMK_SCHEME}{pan};"
    derive = f"{CRYPTOGRAM_KEY_TYPE}{keys.mk_ac}{under_zmk}{order.sequence_number}"
    chip_key = await _text(session, "ZG", derive)
    dynamic_code_key = ""
    if keys.mk_cvc3:
        derive = f"{DYNAMIC_CODE_KEY_TYPE}{keys.mk_cvc3}{under_zmk}{NO_SEQUENCE_NUMBER}"
        dynamic_code_key = await _text(session, "ZG", derive)
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
        dynamic_code_key=dynamic_code_key[:-CHECK_CHARACTERS],
        dynamic_code_key_check=dynamic_code_key[-CHECK_CHARACTERS:],
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
