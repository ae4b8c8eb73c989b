"""Vouchers and cards made at a running site's HSM: their files, and the secrets in them.

Owns the order of acts, as an office with two custodians does them. What the files hold in clear is
read by their recipients, who have the keys.
"""

import time
from pathlib import Path

import trio

from bashgah.card_production import files, making, orders, personaliser
from bashgah.card_production.making import SealedKeys
from bashgah.card_production.orders import Keys, Recipients
from bashgah.card_production.orders import Order as CardOrder
from bashgah.vouchers import batches
from bashgah.vouchers.batches import Order, Token
from bashgah.vouchers.print_house import opened
from hsm_sim._keys import Key
from hsm_sim.audit import TRAIL_FILE, AuditTrail
from hsm_sim.ceremony import AUTHORISED_FILE, AuthorisedState, Gathering
from hsm_sim.custodians import Custodians
from hsm_sim.key_types import VOUCHER, ZAK, ZMK
from hsm_sim.production import CUSTODIANS_FILE, fingerprint, releases_at
from hsm_sim.releases import release_act
from switch.config import read_pan_key
from switch.hsm_client import HsmAddress, open_hsm
from tests.support.production import AES, CUSTODIANS, HMAC, MAILER_HOUSE, PRINT_HOUSE, TDES
from tests.support.recipients import Recipient
from tests.support.secret_search import Forms, clear, of_bytes, of_digits, of_key
from tests.support.secure_site import SecureSite

VOUCHERS = Order(batch="NOROOZ000001", product="CHARGE-50", count=40, first=1, value_minor=500_000)
CARDS = CardOrder(
    batch="CARDS0000001",
    bin="93640077",
    first=731_948,
    count=5,
    expiry="3012",
    pin_digits=12,
    keys=Keys(pvk=Path("pvk"), cvk=Path("cvk"), mk_ac=Path("mk"), zmk=Path("zmk")),
    recipients=Recipients(personaliser=Path("maker.pem"), mailer_printer=Path("printer.pem")),
)
CONSOLE_SECONDS = 1.5  # the HSM looks at its console once a second


async def produce(here: SecureSite) -> dict[str, Forms]:
    """Make both, write their files below the site's directory; the secrets, by name."""
    host, _, port = here.hsm_address.rpartition(":")
    directory = here.site.data_dir / "production"
    directory.mkdir()
    authorise(here)
    await trio.sleep(CONSOLE_SECONDS)
    found: dict[str, Forms] = {}
    for part in (await vouchers(here, host, int(port)), await cards(here, host, int(port))):
        found |= part
    return found


def authorise(here: SecureSite) -> None:
    """Have two custodians authorise the HSM at its console."""
    trail = AuditTrail(here.home / TRAIL_FILE, time.time_ns)
    gathering = Gathering("authorise", Custodians(here.home / CUSTODIANS_FILE), trail)
    for name, passphrase in CUSTODIANS.items():
        gathering.join(name, passphrase)
    AuthorisedState(here.home / AUTHORISED_FILE, here.lmk, time.time_ns).begin(gathering, 600)


async def vouchers(here: SecureSite, host: str, port: int) -> dict[str, Forms]:
    digest_key, mac_key = Key.random(HMAC, 32), Key.random(AES, 32)
    recipient = fingerprint(PRINT_HOUSE.der)
    act = release_act(VOUCHERS.batch, VOUCHERS.count, recipient)
    releases = releases_at(here.home, here.lmk, time.time_ns)
    tokens = [
        Token(name, releases.token(name, passphrase, act).hex().upper())
        for name, passphrase in CUSTODIANS.items()
    ]
    directory = here.site.data_dir / "production"
    async with open_hsm(HsmAddress(host=host, port=port)) as session:
        sealed = here.lmk.seal(digest_key, VOUCHER, "S").decode("ascii")
        made = await batches.generate(session, VOUCHERS, sealed)
        batches.write_batch(directory, VOUCHERS, made)
        file = await batches.export(
            session,
            VOUCHERS,
            made.sealed,
            recipient=recipient,
            tokens=tokens,
            mac_key=here.lmk.seal(mac_key, ZAK, "S").decode("ascii"),
        )
    (directory / f"{VOUCHERS.batch}.p7m").write_bytes(file.envelope)
    printed = opened(file.envelope, PRINT_HOUSE.certificate, PRINT_HOUSE.key, clear(mac_key))
    found = {f"voucher {one.serial}": of_digits(one.pin) for one in printed.vouchers}
    for name, key in (("voucher key", digest_key), ("ZAK", mac_key)):
        found |= {f"{name} {part}": forms for part, forms in of_key(key).items()}
    assert len(found) > VOUCHERS.count
    return found


async def cards(here: SecureSite, host: str, port: int) -> dict[str, Forms]:
    zmk, maker = Key.random(TDES, 16), Recipient("Personaliser")
    secrets = here.vaults[0].secrets
    keys = SealedKeys(
        pvk=secrets.pin_verification,
        cvk=secrets.card_code,
        mk_ac=secrets.cryptogram,
        zmk=here.lmk.seal(zmk, ZMK, "S").decode("ascii"),
    )
    pans = orders.pans(CARDS)
    async with open_hsm(HsmAddress(host=host, port=port)) as session:
        made = await making.make_cards(session, CARDS, keys, pans, [CARDS.name] * CARDS.count)
        mailers = await making.mailers(session, CARDS.batch, made, fingerprint(MAILER_HOUSE.der))
    pan_key = read_pan_key(here.site.data_dir / "pan.key")
    loader = files.loader_file(CARDS, made, pan_key)
    enveloped = files.personaliser_file(CARDS, made, maker.certificate)
    files.write_files(here.site.data_dir / "production", CARDS.batch, loader, enveloped, mailers)
    found = {f"ZMK {part}": forms for part, forms in of_key(zmk).items()}
    for line in MAILER_HOUSE.decrypted(mailers[0]).decode("ascii").splitlines()[1:-1]:
        pin = line.split(",")[3]
        assert len(pin) == CARDS.pin_digits
        found[f"mailed PIN {pin}"] = of_digits(pin)
    for card in personaliser.opened(enveloped, maker.certificate, maker.key):
        found[f"made PAN {card.pan}"] = of_digits(card.pan)
        found[f"made chip track {card.pan}"] = of_digits(card.chip_track2.partition("D")[2])
        found[f"made stripe {card.pan}"] = of_digits(card.track2.strip(";?").split("=")[1][:15])
        chip_key = zmk.decrypt_ecb(bytes.fromhex(card.chip_key[-32:]))
        found[f"made chip key {card.pan}"] = of_bytes(chip_key)
    return found
