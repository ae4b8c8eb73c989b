"""A switch with another bank's cards, that bank's host, and an HSM between their PINs.

Owns how they come together, and what both must agree about in the end. How a bank behaves is
`tests.support.bank_host`'s.
"""

import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from bashgah.demo import with_check_digit
from hsm_sim import hsm as simulated
from hsm_sim._keys import Key
from hsm_sim.key_types import ZPK
from hsm_sim.lmk import VariantLmk
from switch.directory import Directory
from switch.events import DerivationKeySet, IssuerKeysSet, ProgrammeLive
from switch.iso8583 import Framing, Message, named
from switch.issuer_link import IssuerLink, LinkTerms
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Limits, Security
from tests.support.bank_host import OURS, Account, BankHost, serving_bank
from tests.support.gate_bench import GENEROUS, Bench, serving
from tests.support.hsm import published_hsm, served_hsm
from tests.support.secret_search import clear
from tests.support.secrets import Vault
from tests.support.secure_shop import MacAlgorithm, SecureShop
from tests.support.shop import Shop, new_core

BANK = "bank"
PROGRAMME = 5
BINS = ("62198610", "504172")
PANS = tuple(with_check_digit(f"62198610{number:07d}") for number in range(120))
PAN, OTHER = PANS[0], with_check_digit("504172000000001")
PIN = "4711"
RICH = 1_000_000
ANSWER_SECONDS_MAX = 0.4


def remote_programme(limits: Limits = GENEROUS, version: int = 1) -> Programme:
    """Give the programme of the bank's cards."""
    return Programme(
        programme=PROGRAMME,
        version=version,
        club=1,
        name="Bank",
        name_fa="بانک",
        operations=(Operation.PURCHASE, Operation.BALANCE),
        limits=Limits(
            transaction_minor_max=limits.transaction_minor_max,
            day_minor_max=limits.day_minor_max,
            day_count_max=limits.day_count_max,
        ),
        security=Security(pin="if_sent"),
        host=BANK,
        bins=BINS,
    )


class RemoteSite:
    """A switch that serves, and a bank."""

    def __init__(self, bench: Bench, bank: BankHost, vault: Vault) -> None:
        self.bench = bench
        self.bank = bank
        self.vault = vault

    @property
    def shop(self) -> Shop:
        return self.bench.shop

    def message(
        self, mti: str = "0200", code: str = "000000", amount_minor: int | None = 10_000,
        *, pan: str = PAN, stan: int | None = None, **elements: str | None,
    ) -> Message:  # fmt: skip
        """Give a terminal's message; `de52="…"` sets an element."""
        extra: dict[int | str, str | None] = {int(k[2:]): v for k, v in elements.items()}
        return self.shop.message(mti, code, amount_minor, card=pan, stan=stan, extra=extra)

    def reversal(self, of: Message, remain_minor: int | None = None) -> Message:
        """Give the 0400 of a message, down to what remains."""
        at = of[13] + of[12]
        replaced = None if remain_minor is None else f"{remain_minor:012d}" + "0" * 30
        return self.message(
            "0400", of[3], int(of[4]), pan=of[2], de90=f"{of.mti}{of[11]}{at}" + "0" * 22,
            de95=replaced,
        )  # fmt: skip

    def refund(self, of: Message, amount_minor: int) -> Message:
        """Give the refund of a part of a message."""
        at = of[13] + of[12]
        return self.message(
            "0200", "200000", amount_minor, pan=of[2], de90=f"{of.mti}{of[11]}{at}" + "0" * 22
        )

    def block(self, pin: str = PIN, pan: str = PAN) -> str:
        """Give DE 52 of a terminal: a PIN under its session key."""
        vault = self.vault
        return Vault(vault.lmk, pin, pan, vault.keys).block()

    def owed_by(self, pan: str = PAN) -> int:
        """Give what the bank owes for a card, as the book says."""
        card = self.shop.core.card_of(self.shop.core.token_of(pan))
        return 0 if card is None else -self.shop.money(card)

    async def settled(self, seconds: float = 5.0) -> None:
        """Wait until the bank has been told all it is owed, no question is open, all is durable."""
        issuers, core = self.shop.directory.issuers, self.shop.core

        def nothing_left() -> bool:
            self.shop.directory.hear()
            all_durable = core.statistics()["durable_seq"] == core.last_seq
            return not issuers.owed and not issuers.open and all_durable

        await self.bench.wait_until(nothing_left, seconds)

    def expect_agreement(self, pan: str = PAN) -> None:
        """Both books say the same of a card."""
        posted = sum(cost for card, cost in self.bank.posted.values() if card == pan)
        assert self.owed_by(pan) == posted == RICH - self.bank.accounts[pan].balance_minor
        assert self.shop.core.imbalances() == []

    def rebuilt(self) -> Directory:
        """Give the directory as another process would find it: from what is durable."""
        core = new_core()
        directory = Directory(core)
        hear: Callable[[int, int, bytes], None] = directory.replay
        for stream in self.bench.journal.streams:
            core.replay(stream, hear)
        return directory


def bank_link(
    port: int, *, echo_seconds: float = 60.0, tls: ssl.SSLContext | None = None
) -> IssuerLink:
    """Give a link to a bank, not connected yet."""
    terms = LinkTerms(
        name=BANK,
        host="127.0.0.1",
        port=port,
        framing=Framing(length="binary2"),
        tls=tls,
        answer_seconds_max=ANSWER_SECONDS_MAX,
        echo_seconds=echo_seconds,
    )
    return IssuerLink(terms, named("iso1987-ascii"), OURS)


def new_bank(zone_key: bytes) -> BankHost:
    """Give a bank with customers."""
    return BankHost({pan: Account(RICH, PIN) for pan in (*PANS, OTHER)}, zone_key)


def remote_shop(
    vault: Vault,
    zone_key: str,
    limits: Limits = GENEROUS,
    *,
    shard: int = 0,
    exchange_entries: int = 4096,
    mac: MacAlgorithm = "",
) -> Shop:
    """Give a shop that knows of the bank's cards."""
    shop = SecureShop(
        secrets=vault.secrets,
        limits=GENEROUS,
        now_s=int(time.time()),
        shard=shard,
        exchange_entries=exchange_entries,
        mac=mac,
    )
    shop.record(ProgrammeLive(definition=remote_programme(limits)))
    shop.record(IssuerKeysSet(programme=PROGRAMME, zone_pin=zone_key))
    shop.record(DerivationKeySet(acquirer=1, key=vault.secrets.derivation))
    return shop


@asynccontextmanager
async def remote_site(
    *,
    limits: Limits = GENEROUS,
    other_zone_key: bool = False,
    echo_seconds: float = 60.0,
    with_bank: bool = True,
    with_hsm: bool = True,
    exchange_entries: int = 4096,
    mac: MacAlgorithm = "",
    bank_tls: ssl.SSLContext | None = None,
    our_tls: ssl.SSLContext | None = None,
    connects: bool = True,
) -> AsyncIterator[RemoteSite]:
    """Serve, with a bank whose zone key is ours, or another one.

    With `bank_tls` the bank's door is TLS, with `our_tls` ours to it. `connects`: they find
    together.
    """
    lmk = VariantLmk.published_test_set()
    vault = Vault(lmk)
    zone_key = Key.random(0, 16)
    sealed = lmk.seal(zone_key, ZPK, "U").decode("ascii")
    bank = new_bank(clear(Key.random(0, 16) if other_zone_key else zone_key))
    hsm = simulated.Hsm({0: lmk}, published_hsm().commands)
    async with AsyncExitStack() as stack:
        port = 1
        if with_bank:
            port = await stack.enter_async_context(serving_bank(bank, tls=bank_tls))
        server, address = await stack.enter_async_context(served_hsm(hsm))
        bench = await stack.enter_async_context(
            serving(
                shop=remote_shop(vault, sealed, limits, exchange_entries=exchange_entries, mac=mac),
                hsms=[address] if with_hsm else [],
                banks=[bank_link(port, echo_seconds=echo_seconds, tls=our_tls)],
            )
        )
        if with_hsm:
            await bench.wait_until(lambda: all(bench.pool.connected().values()))
        assert bench.desk is not None
        link = bench.desk.links[BANK]
        if with_bank and connects:
            await bench.wait_until(lambda: link.available)
        yield RemoteSite(bench, bank, vault)
        server.stop()
