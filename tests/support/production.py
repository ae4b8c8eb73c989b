"""An HSM that makes vouchers and cards, with its recipients and custodians enrolled."""

import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hsm_sim._keys import Key
from hsm_sim.commands.table import table
from hsm_sim.hsm import Hsm
from hsm_sim.key_types import KeyType
from hsm_sim.lmk import KeyBlockLmk
from hsm_sim.production import Production, release_act
from tests.support.recipients import Recipient

TDES, AES, HMAC = range(3)
PRINT_HOUSE = Recipient("Print house")
MAILER_HOUSE = Recipient("Mailer house")
LMK = KeyBlockLmk.published_test_key()


class Custodian:
    """A person with a key."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def token(self, act: bytes) -> bytes:
        """Allow an act: name and signature, as commands have them."""
        return f"{self.name:16}{self._key.sign(act).hex().upper()}".encode("ascii")


ALI, BITA = Custodian("ali"), Custodian("bita")


def production_hsm(directory: Path, now_ns: Callable[[], int] = time.time_ns) -> Hsm:
    """Make an HSM whose production is in a directory's file; who is enrolled there stays so."""
    hsm = Hsm({0: LMK}, table(), now_ns=now_ns)
    hsm.production = Production(directory / "production.json", LMK, now_ns)
    if not hsm.production.state.custodians:
        for custodian in (ALI, BITA):
            hsm.production.enrol_custodian(custodian.name, custodian.public)
        hsm.production.enrol_recipient("vouchers", PRINT_HOUSE.der)
        hsm.production.enrol_recipient("mailers", MAILER_HOUSE.der)
    return hsm


def sealed_key(key: Key, kind: KeyType) -> bytes:
    """Seal a key under that HSM's LMK."""
    return LMK.seal(key, kind, "S")


def released(batch: str, count: int, recipient: str, *custodians: Custodian) -> bytes:
    """Give the tokens of a release."""
    return b"".join(it.token(release_act(batch, count, recipient)) for it in custodians)
