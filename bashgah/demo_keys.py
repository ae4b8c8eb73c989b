"""The demo's keys and secrets: published, like the LMK they are sealed under, and worth nothing.

Owns the clear keys of the demo's terminals and issuer, and what they make: PIN verification values,
a stripe, a chip card. Each is SHA-256 of its name, or a part of it with odd parity; docs/pos-
interface.md tells the terminals' ones. A real club's keys never are where this file is: its HSM
makes them.
"""

from pathlib import Path
from typing import Final

from acquirers.terminal.cards.personalisation import Personalisation, StripeMode, write_new
from bashgah.card_production.making import ICVV_SERVICE_CODE, NO_SEQUENCE_NUMBER, account_of
from bashgah.card_production.tracks import chip_track2, discretionary, discretionary_zeros
from bashgah.demo import EXPIRY, TEST_CARDS
from hsm_sim._cvv import cvv
from hsm_sim._emv import account_block, card_key
from hsm_sim._keys import Key
from hsm_sim._pin_checks import pvv
from hsm_sim._pins import Pin
from hsm_sim.key_types import CVK, MK_AC, MK_CVC3, PVK, TAK, TEK, TMK, TPK, VOUCHER, KeyType
from hsm_sim.lmk import KeyBlockLmk

TDES: Final = 0
HMAC: Final = 2
PIN: Final = "1234"
"""Of every card of the demo."""
PVKI: Final = 1
MASTER_KEY: Final = "7C5B3E7ADF2A92F146460B67EFC84AB6"
PIN_KEY: Final = "C1625BBC45382994F45B3DC23157C1D5"
MAC_KEY: Final = "B90D196EEA768A16A820A72508A40737"
DATA_KEY: Final = "1A511A1FB9A8B346A4DC10B66486B349"
"""What every terminal of the demo was injected with; only some messages carry MACs."""

_CLEAR: Final[dict[KeyType, str]] = {
    TMK: MASTER_KEY,
    TPK: PIN_KEY,
    TAK: MAC_KEY,
    TEK: DATA_KEY,
    PVK: "67758F20AE431FAD13798A61EF2A19D9",
    CVK: "02F152204F9EC7A751FE76464CEF6234",
    MK_AC: "0807EC2343B5A2BA8C626D544CF15791",
    MK_CVC3: "D3DA16A2C87A5E6B1F7A1FB65B61DCAD",
    VOUCHER: "BC09D222DDD5D9356EF775E9B92E1D76177AB252A019F0487F4B6AD7487CB361",
}

STRIPE_SERVICE_CODE: Final = "101"
CHIP_SERVICE_CODE: Final = "201"
CHIP_SEQUENCE: Final = "01"
CHIP_CARD: Final = TEST_CARDS[1]
CHIP_CARD_FILE: Final = "card-2.json"


def clear_key(kind: KeyType) -> Key:
    """Give one of the keys."""
    return Key.of(HMAC if kind is VOUCHER else TDES, bytes.fromhex(_CLEAR[kind]))


def sealed_key(kind: KeyType) -> str:
    """Give one of the keys as the demo's HSM takes it: under the published test LMK."""
    lmk = KeyBlockLmk.published_test_key()
    return lmk.seal(clear_key(kind), kind, "S", exportable="N").decode("ascii")


def lmk_check_value() -> str:
    """Give the check value of the demo's LMK."""
    return KeyBlockLmk.published_test_key().check_value


def pin_verification_value(pan: str) -> str:
    """Give the four digits by which a card's PIN is verified."""
    digits = pvv(clear_key(PVK), Pin.of(PIN.encode()), account_of(pan).encode(), PVKI)
    return digits.decode("ascii")


def stripe_track2(pan: str) -> str:
    """Give track 2 of a card's stripe, with a separator and without sentinels."""
    return f"{pan}={EXPIRY}{STRIPE_SERVICE_CODE}{_discretionary(pan, STRIPE_SERVICE_CODE)}"


def chip_card(pan: str) -> Personalisation:
    """Give the data of a card's chip, as card production would for a virtual one."""
    zeros = discretionary_zeros(len(pan))
    return Personalisation(
        pan=pan,
        sequence_number=CHIP_SEQUENCE,
        expiry=EXPIRY,
        name="REZA/DEMO",
        service_code=CHIP_SERVICE_CODE,
        track2=chip_track2(pan, EXPIRY, CHIP_SERVICE_CODE, _discretionary(pan, ICVV_SERVICE_CODE)),
        icc_master_key=_handed_over(MK_AC, pan, CHIP_SEQUENCE),
        stripe_mode=StripeMode(
            track2=chip_track2(pan, EXPIRY, CHIP_SERVICE_CODE, zeros),
            icc_cvc3_key=_handed_over(MK_CVC3, pan, NO_SEQUENCE_NUMBER),
        ),
    )


def _handed_over(kind: KeyType, pan: str, sequence: str) -> str:
    """Give a card's key, as hex."""
    # What derives a key shows nobody its bytes; whoever makes a card has to hand them over.
    transport = clear_key(TMK)
    derived = card_key(clear_key(kind), account_block(pan, sequence))
    return transport.decrypt_ecb(derived.wrapped([transport, transport])).hex().upper()


def write_chip_card(directory: Path) -> None:
    """Write the file of test card 2's chip, 0600, unless there is one: its counter goes on."""
    path = directory / CHIP_CARD_FILE
    if not path.exists():
        write_new(path, chip_card(CHIP_CARD.pan))


def _discretionary(pan: str, service_code: str) -> str:
    code = cvv(clear_key(CVK), pan, EXPIRY, service_code)
    return discretionary(pan, PVKI, pin_verification_value(pan), code)
