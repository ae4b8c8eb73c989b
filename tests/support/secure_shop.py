"""A shop whose cards and terminals have secrets, all of them sealed: what a switch knows of them.

Owns the events that tell a switch. Knows no key in the clear; `tests/support/secrets.py` does.
"""

from typing import Literal

import msgspec

from issuers.purse import purse
from switch._security import card_proofs
from switch.events import CardsAdded, IssuerKeysSet, TerminalKeysSet
from switch.rules import Limits, Security
from tests.support.shop import NOON_S, Said, Shop

CARD = "9364001234567907"
_KEY = "U" + "0123456789ABCDEF" * 2


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Keys as an HSM takes them, and the PIN verification value of the card."""

    pin_verification: str = _KEY
    card_code: str = _KEY
    cryptogram: str = _KEY
    dynamic_code: str = _KEY
    master: str = _KEY
    terminal_pin: str = _KEY
    terminal_mac: str = _KEY
    derivation: str = _KEY
    terminal_data: str = _KEY
    pvv: int = 4402


NO_SECRETS = Secrets()  # of no HSM: where the test itself says what one would
DEFAULT = purse(1, 1, 1).limits
WITH_PIN = Security(pin="if_sent")
MacAlgorithm = Literal["", "retail", "cmac"]


class SecureShop(Shop):
    """A shop whose cards have PINs and whose first terminal has keys."""

    def __init__(
        self,
        security: Security = WITH_PIN,
        *,
        mac: MacAlgorithm = "",
        secrets: Secrets = NO_SECRETS,
        limits: Limits = DEFAULT,
        now_s: int = NOON_S,
        shard: int = 0,
        exchange_entries: int = 4096,
    ) -> None:
        definition = msgspec.structs.replace(purse(1, 1, 1, limits), security=security)
        super().__init__(definition, now_s=now_s, shard=shard, exchange_entries=exchange_entries)
        self.secrets = secrets
        self.record(
            IssuerKeysSet(
                programme=1,
                pin_verification=secrets.pin_verification,
                card_code=secrets.card_code,
                cryptogram=secrets.cryptogram,
                dynamic_code=secrets.dynamic_code,
            )
        )
        self.set_keys(mac=mac)
        token = self.core.token_of(CARD)
        self.record(
            CardsAdded(
                programme=1,
                tokens=token,
                expiries=(3012).to_bytes(2, "little"),
                first6=(936400).to_bytes(4, "little"),
                last4=(7907).to_bytes(2, "little"),
                pvvs=secrets.pvv.to_bytes(2, "little"),
                pvkis=b"\x01",
            )
        )
        card = self.core.card_of(token)
        assert card is not None
        self.card = card
        self.load(1_000_000, card=CARD)

    def set_keys(self, *, mac: MacAlgorithm = "", overlap_seconds: int = 0) -> None:
        self.record(
            TerminalKeysSet(
                terminal=0,
                master=self.secrets.master,
                pin=self.secrets.terminal_pin,
                mac=self.secrets.terminal_mac if mac else "",
                mac_algorithm=mac,
                at_s=self.now_s,
                overlap_seconds=overlap_seconds,
            )
        )

    def load(self, amount_minor: int, card: int | str = 0) -> Said:
        return self.send(code="210000", amount_minor=amount_minor, card=card, terminal="T0000002")

    def buy(self, **elements: str | None) -> Said:
        """A purchase by the card that has a PIN; `de52="…"` sets an element."""
        extra: dict[int | str, str | None] = {
            int(name[2:]): value for name, value in elements.items()
        }
        return self.send(card=CARD, extra=extra)

    def tries(self) -> int:
        return card_proofs(self.core, self.card)[0]
