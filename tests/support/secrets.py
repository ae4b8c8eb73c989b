"""The same secrets on both sides: clear for who plays terminal and card, sealed for the switch.

Owns test keys and what terminal and card make with them: PIN blocks, MACs and cryptograms.
"""

from datetime import UTC, datetime
from pathlib import Path

from acquirers.terminal.cards.personalisation import (
    Personalisation,
    PersonalisationFile,
    StripeMode,
    write_new,
)
from acquirers.terminal.cards.reading import Terms
from acquirers.terminal.cards.virtual import VirtualCard, VirtualReader
from acquirers.terminal.orders import present_card
from hsm_sim import _dukpt, _emv, _pin_checks
from hsm_sim._cvv import cvv
from hsm_sim._keys import Key
from hsm_sim._macs import check_value, cmac, retail_mac
from hsm_sim._pins import FORMATS, Pin, seal_block
from hsm_sim.hsm import Lmk
from hsm_sim.key_types import BDK, CVK, MK_AC, MK_CVC3, PVK, TAK, TEK, TMK, TPK, VOUCHER, KeyType
from switch.iso8583 import Message
from tests.support.secret_search import clear
from tests.support.secure_shop import CARD, Secrets

TDES, HMAC = 0, 2
ISO_0 = FORMATS["ISO-0"]
PVKI = 1


class Vault:
    """New random keys, or those of another vault, and the card's PIN."""

    def __init__(
        self,
        lmk: Lmk,
        pin: str = "1234",
        card: str = CARD,
        keys: dict[str, Key] | None = None,
    ) -> None:
        self.lmk = lmk
        self.card = card
        self.pin = pin
        self.keys = keys or {
            kind.name: Key.random(TDES, 16)
            for kind in (PVK, CVK, MK_AC, MK_CVC3, TMK, TPK, TAK, TEK, BDK)
        } | {VOUCHER.name: Key.random(HMAC, 32)}
        account = card[-13:-1].encode()
        value = _pin_checks.pvv(self.keys["PVK"], Pin.of(pin.encode()), account, PVKI)
        self.secrets = Secrets(
            pin_verification=self.sealed(PVK),
            card_code=self.sealed(CVK),
            cryptogram=self.sealed(MK_AC),
            dynamic_code=self.sealed(MK_CVC3),
            master=self.sealed(TMK),
            terminal_pin=self.sealed(TPK),
            terminal_mac=self.sealed(TAK),
            derivation=self.sealed(BDK),
            terminal_data=self.sealed(TEK),
            pvv=int(value),
        )

    def sealed(self, kind: KeyType) -> str:
        """Give one of the keys as the HSM takes it."""
        scheme = "S" if type(self.lmk).__name__ == "KeyBlockLmk" else "U"
        return self.lmk.seal(self.keys[kind.name], kind, scheme).decode("ascii")

    def block(self, pin: str | None = None, key: Key | None = None) -> str:
        """Give DE 52: a PIN (the right one) in ISO 9564 format 0 under a terminal's key."""
        sealed = seal_block(
            key or self.keys["TPK"],
            Pin.of((pin or self.pin).encode()),
            ISO_0,
            self.card[-13:-1].encode(),
        )
        return sealed.hex().upper()

    def derived_block(self, serial: str, pin: str | None = None) -> str:
        """Give DE 52 under a key derived for one message (DUKPT)."""
        return self.block(pin, _dukpt.tdes_pin_key(self.keys["BDK"], bytes.fromhex(serial)))

    def mac(self, message: bytes, algorithm: str = "retail", key: Key | None = None) -> bytes:
        """Give the MAC over what stands before it."""
        key = key or self.keys["TAK"]
        return retail_mac(key, message, 1) if algorithm == "retail" else cmac(key, message)[:8]

    def track2(self, service: str = "101", *, code: str | None = None) -> str:
        """Give DE 35 with the right code on it, or another one."""
        right = cvv(self.keys["CVK"], self.card, "3012", service)
        return f"{self.card}D3012{service}{PVKI}{self.secrets.pvv:04d}{code or right}"

    def stripe_mode_track2(self, counter: int, number: str = "0899", service: str = "201") -> str:
        """Give DE 35 of a contactless card in stripe mode: its code, counter, and `number`.

        Places as an issuer's keys have them when nothing else is said: code 5, counter 3, number 4.
        """
        head = f"{self.card}D3012{service}"
        code = self.dynamic_code(f"{head}{'0' * 13}", f"0000{number}", counter)
        return f"{head}{code}{counter % 1000:03}{number}4"

    def dynamic_code(self, fixed: str, number: str, counter: int) -> str:
        """Give the five digits of CVC3 over a track with zeros where its digits change."""
        packed = bytes.fromhex(fixed + "F" * (len(fixed) % 2))
        return _emv.cvc3(self._code_key(), packed, bytes.fromhex(number), counter.to_bytes(2))

    def _code_key(self) -> Key:
        return _emv.card_key(self.keys["MK-CVC3"], _emv.account_block(self.card, "00"))

    def chip_data(self, counter: int, amount_minor: int) -> tuple[str, str]:
        """Give DE 55 of a chip card, and the tag 91 that answers it."""
        told = {
            "9F02": f"{amount_minor:012d}", "9F03": "0" * 12, "9F1A": "0364", "95": "0" * 10,
            "5F2A": "0364", "9A": "261127", "9C": "00", "9F37": "01020304", "82": "0004",
            "9F36": f"{counter:04X}", "9F10": "06011203A00000",
        }  # fmt: skip
        card = _emv.card_key(self.keys["MK-AC"], _emv.account_block(self.card, "00"))
        session = _emv.cryptogram_key(card, counter.to_bytes(2, "big"))
        shown = _emv.cryptogram(session, bytes.fromhex("".join(told.values())))
        answer = _emv.arpc_1(session, shown, b"00")
        objects = told | {"9F26": shown.hex().upper()}
        data = "".join(f"{tag}{len(text) // 2:02X}{text}" for tag, text in objects.items())
        return data, f"{answer.hex().upper()}3030"

    def chip_card(self, path: Path) -> PersonalisationFile:
        """Make a chip card in a file, with a key derived from the issuer's."""
        key = _emv.card_key(self.keys["MK-AC"], _emv.account_block(self.card, "01"))
        code = cvv(self.keys["CVK"], self.card, "3012", "999")
        card = Personalisation(
            pan=self.card,
            sequence_number="01",
            expiry="3012",
            name="TEST/SARA",
            service_code="201",
            track2=self.track2("201", code=code),
            icc_master_key=clear(key).hex().upper(),
            stripe_mode=StripeMode(
                track2=f"{self.card}D3012201{'0' * 13}",
                icc_cvc3_key=clear(self._code_key()).hex().upper(),
            ),
        )
        write_new(path, card)
        return PersonalisationFile(path)

    def take_session_keys(self, pin: str, mac: str, data: str) -> None:
        """Take new keys out of a key exchange's reply: X, 32 digits under the TMK, check value."""
        for name, told in (("TPK", pin), ("TAK", mac), ("TEK", data)):
            assert told[0] == "X", told
            key = Key.under([self.keys["TMK"]] * 2, bytes.fromhex(told[1:33]))
            assert check_value(key)[:3].hex().upper() == told[33:]
            self.keys[name] = key


async def present_chip(
    message: Message, file: PersonalisationFile, *, amount_minor: int, stripe_mode: bool = False
) -> None:
    """Have the card agree to a purchase, and write what it says into its message."""
    reader = VirtualReader(VirtualCard(file), stripe_mode=stripe_mode)
    today = datetime.now(UTC).date()
    terms = Terms(transaction_type="00", local_date=today, amount_minor=amount_minor)
    present_card(message, (await reader.wait_for_card(terms)).card)
