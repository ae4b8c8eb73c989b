"""An HSM that makes vouchers and cards, with its recipients and custodians enrolled."""

import time
from collections.abc import Callable
from pathlib import Path

from hsm_sim._keys import Key
from hsm_sim.commands.table import table
from hsm_sim.custodians import Custodians
from hsm_sim.hsm import Hsm
from hsm_sim.key_types import KeyType
from hsm_sim.lmk import KeyBlockLmk
from hsm_sim.production import CUSTODIANS_FILE, Production, releases_at
from tests.support.recipients import Recipient

TDES, AES, HMAC = range(3)
PRINT_HOUSE = Recipient("Print house")
MAILER_HOUSE = Recipient("Mailer house")
LMK = KeyBlockLmk.published_test_key()


CUSTODIANS = {"ali": "correct horse battery", "bita": "staple after horse"}


def production_hsm(home: Path, now_ns: Callable[[], int] = time.time_ns) -> Hsm:
    """Make an HSM whose files are in a directory; who is enrolled there stays so."""
    hsm = Hsm({0: LMK}, table(), now_ns=now_ns)
    hsm.production = Production(home, LMK, now_ns)
    if not hsm.production.state.recipients:
        hsm.production.enrol_recipient("vouchers", PRINT_HOUSE.der)
        hsm.production.enrol_recipient("mailers", MAILER_HOUSE.der)
        write_custodians(home)
    return hsm


def write_custodians(home: Path) -> None:
    """Make the test's custodians."""
    custodians = Custodians(home / CUSTODIANS_FILE)
    for name, passphrase in CUSTODIANS.items():
        custodians.add(name, passphrase)


def token(home: Path, name: str, act: str) -> bytes:
    """Have a custodian agree to an act, as at the console: the token as commands have it."""
    mac = releases_at(home, LMK, time.time_ns).token(name, CUSTODIANS[name], act)
    return f"{len(name):02}{name}{mac.hex().upper()}".encode("ascii")


def sealed_key(key: Key, kind: KeyType) -> bytes:
    """Seal a key under that HSM's LMK."""
    return LMK.seal(key, kind, "S")
