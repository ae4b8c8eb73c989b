"""A whole site with secrets: PostgreSQL, the switch and its HSM as processes, TLS at its doors.

Owns their directory, where all that they write is, and the events by which the switch learns of
keys and cards. The LMK is new: two custodians form it, as they would at the console.
"""

import shutil
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import trio

from acquirers.pos import PROFILES
from bashgah.bootstrap import append_waiting, own_shard
from bashgah.demo_site import HOST, free_port, load_demo
from bashgah.site import Site
from hsm_sim._keys import Key
from hsm_sim.audit import TRAIL_FILE, AuditTrail
from hsm_sim.ceremony import Gathering, KeyCeremony
from hsm_sim.custodians import Custodians
from hsm_sim.lmk import KeyBlockLmk
from hsm_sim.lmk_files import write_lmk
from hsm_sim.production import CUSTODIANS_FILE, Production
from issuers.purse import purse
from switch._core import Core
from switch.config import Config, Hsm, ListenerTls, Log, read_dsn, read_pan_key
from switch.events import CardsAdded, DerivationKeySet, Event, IssuerKeysSet, TerminalKeysSet
from switch.iso8583 import Message, encode
from switch.ledger.database import Database
from switch.programme import Programme
from switch.rules import Limits, Security
from tests.support import certificates
from tests.support.gate_bench import DIALECTS, Link
from tests.support.hsm_process import hsm_process
from tests.support.production import CUSTODIANS, MAILER_HOUSE, PRINT_HOUSE, write_custodians
from tests.support.secrets import PVKI, Vault
from tests.support.shop import TEHRAN_S, Shop, spec
from tests.support.site import site_config
from tests.support.voucher_day import DayVouchers

AES = 1
MAC_TERMINAL, PLAIN_TERMINAL = "T0000001", "T0000004"  # of the demo: both in its café
SECURITY = Security(pin="if_sent", card_code=True, chip=True, fallback=True)
CONNECT_SECONDS_MAX = 20.0


def secure_purse(number: int, version: int, club: int, limits: Limits) -> Programme:
    """Give the reference purse, whose cards prove what they are."""
    return msgspec.structs.replace(purse(number, version, club, limits), security=SECURITY)


class SecureSite:
    """A running site, its cards, and what their holders and terminals know."""

    def __init__(
        self, site: Site, vaults: list[Vault], components: list[Key], lmk: KeyBlockLmk
    ) -> None:
        self.site = site
        self.vaults = vaults
        self.components = components
        self.lmk = lmk
        self.pki: certificates.Site | None = None
        self.vouchers = DayVouchers()
        self.clock = Shop(now_s=int(time.time()))  # writes messages; no message is sent to it
        self.home = site.data_dir / "hsm"
        self._hsm = ExitStack()
        (configured,) = site.config.hsm
        self.hsm_address = f"{configured.host}:{configured.port}"

    def start_hsm(self) -> None:
        """Start the HSM's process."""
        lmk = ("--lmk", str(self.home / "hsm.lmk"))
        self._hsm.enter_context(hsm_process(self.home, *lmk, listen=self.hsm_address))

    def stop_hsm(self) -> None:
        """Stop it, if it runs."""
        self._hsm.close()

    async def connect(self, dialect: str = "binary") -> Link:
        """Connect a terminal, with its certificate."""
        listener = next(it for it in self.site.config.listener if it.profile == f"pos-{dialect}")
        stream = await trio.open_tcp_stream(HOST, listener.port)
        _, framing = DIALECTS[dialect]
        assert framing == PROFILES[listener.profile].framing
        assert self.pki is not None
        context = self.pki.context(self.pki.terminal)
        channel = trio.SSLStream(stream, context, server_hostname=HOST)
        await channel.do_handshake()
        return Link(stream, framing, spec(dialect), channel)

    def message(self, vault: Vault, mti: str = "0200", **elements: str | None) -> Message:
        """Give a message of the terminal that has no MACs; `de52="…"` sets an element."""
        extra: dict[int | str, str | None] = {int(k[2:]): v for k, v in elements.items()}
        terminal = extra.pop(41, None) or PLAIN_TERMINAL
        return self.clock.message(
            mti, card=vault.card, terminal=terminal, amount_minor=10_000, extra=extra
        )

    def sealed(self, link: Link, vault: Vault, message: Message) -> bytes:
        """Give a message of the terminal with keys, with its MAC."""
        message[41] = MAC_TERMINAL
        element = 128 if 70 in message or 90 in message else 64
        message[element] = "0" * 16
        before = encode(message, link.spec)[:-8]
        return before + vault.mac(before)

    async def wait_for_hsm(self, *, connected: bool) -> None:
        """Wait until the switch has its HSM, or has noticed that it has none."""
        with trio.fail_after(CONNECT_SECONDS_MAX):
            link = await self.connect()
            while True:
                await link.send(self.sealed(link, self.vaults[0], self.network("301")))
                reply = await link.reply()
                if (reply.get("48.RC") != "hsm_unavailable") == connected:
                    await link.channel.aclose()
                    return
                await trio.sleep(0.1)

    def network(self, code: str) -> Message:
        """Give a message of the network: 301 echo, 161 key exchange."""
        extra: dict[int | str, str | None] = {3: None, 42: None, 70: code}
        return self.clock.message("0800", amount_minor=None, card=None, extra=extra)


@asynccontextmanager
async def running_secure_site(cards: Iterable[tuple[str, str]]) -> AsyncIterator[SecureSite]:
    """Give a site that serves, whose cards (PAN, PIN) have money; it is removed in the end."""
    data_dir = Path(tempfile.mkdtemp(prefix="bashgah-secure-"))
    home, pki_dir = data_dir / "hsm", data_dir / "pki"
    pki_dir.mkdir()
    pki = certificates.Site(pki_dir)
    components, lmk = _formed_lmk(home)
    vaults: list[Vault] = []
    for pan, pin in cards:
        vaults.append(Vault(lmk, pin, pan, vaults[0].keys if vaults else None))
    site = Site(data_dir=data_dir, config=_config(data_dir, pki), say=lambda line: None)
    here = SecureSite(site, vaults, components, lmk)
    here.pki = pki
    try:
        try:
            await site.start_database()
            await load_demo(site, secure_purse)
            await _record(site.config, vaults, here.vouchers)
            here.start_hsm()
            await site.start_switch()
            await here.wait_for_hsm(connected=True)
            yield here
        finally:
            with trio.CancelScope(shield=True):
                await site.stop()
                here.stop_hsm()
    finally:
        shutil.rmtree(data_dir)


def _config(data_dir: Path, pki: certificates.Site) -> Config:
    tls = ListenerTls(
        certificate=pki.switch.certificate, key=pki.switch.key, client_ca=pki.authority.pem
    )
    return msgspec.structs.replace(
        site_config(data_dir, snapshot_every_entries=2_000, tls=tls),
        hsm=(Hsm(host=HOST, port=free_port()),),
        log=Log(exchanges=str(data_dir / "exchanges.log"), level="debug"),
    )


def _formed_lmk(home: Path) -> tuple[list[Key], KeyBlockLmk]:
    """Have two custodians form an LMK; the components, and the LMK in its file.

    Its recipients are enrolled before the HSM serves.
    """
    home.mkdir(mode=0o700)
    write_custodians(home)
    trail = AuditTrail(home / TRAIL_FILE, time.time_ns)
    gathering = Gathering("form the LMK", Custodians(home / CUSTODIANS_FILE), trail)
    ceremony = KeyCeremony(gathering, AES, 32)
    components = [Key.random(AES, 32) for _ in CUSTODIANS]
    for (name, passphrase), component in zip(CUSTODIANS.items(), components, strict=True):
        ceremony.add(name, passphrase, component)
    lmk = write_lmk(home / "hsm.lmk", ceremony.finish())
    production = Production(home, lmk, time.time_ns)
    production.enrol_recipient("vouchers", PRINT_HOUSE.der)
    production.enrol_recipient("mailers", MAILER_HOUSE.der)
    return components, lmk


async def _record(config: Config, vaults: list[Vault], vouchers: DayVouchers) -> None:
    """Tell the journal of keys and cards, before any switch serves."""
    assert config.keys.pan_key_file is not None
    clock = {"now_us": time.time_ns() // 1000, "utc_offset_s": TEHRAN_S}
    with Database(read_dsn(config.database)) as database:
        pan_key = read_pan_key(config.keys.pan_key_file)
        owned = await own_shard(database, config, pan_key, **clock)
        for event in [
            *_events(owned.core, vaults),
            *vouchers.events(owned.core.token_of, vaults[0]),
        ]:
            owned.directory.record(event, **clock)
        await append_waiting(owned)


def _events(core: Core, vaults: list[Vault]) -> list[Event]:
    secrets = vaults[0].secrets
    count = len(vaults)
    return [
        IssuerKeysSet(
            programme=1,
            pin_verification=secrets.pin_verification,
            card_code=secrets.card_code,
            cryptogram=secrets.cryptogram,
        ),
        TerminalKeysSet(
            terminal=0,
            master=secrets.master,
            pin=secrets.terminal_pin,
            mac=secrets.terminal_mac,
            mac_algorithm="retail",
            data=secrets.terminal_data,
            at_s=int(time.time()),
            overlap_seconds=60,
        ),
        DerivationKeySet(acquirer=1, key=secrets.derivation),
        CardsAdded(
            programme=1,
            tokens=b"".join(core.token_of(vault.card) for vault in vaults),
            expiries=struct.pack(f"<{count}H", *[3012] * count),
            first6=struct.pack(f"<{count}I", *(int(vault.card[:6]) for vault in vaults)),
            last4=struct.pack(f"<{count}H", *(int(vault.card[-4:]) for vault in vaults)),
            pvvs=struct.pack(f"<{count}H", *(vault.secrets.pvv for vault in vaults)),
            pvkis=bytes([PVKI] * count),
        ),
    ]
