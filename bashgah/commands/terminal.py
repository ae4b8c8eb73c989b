"""`bashgah terminal`: a point of sale for a person in a shell.

Owns the options, their defaults and the exit status. What an operation is, how it is carried out
and how it looks is `acquirers.terminal`'s.
"""

import os
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from acquirers.pos import PROFILES
from acquirers.terminal.cards.pin_pad import PinError
from acquirers.terminal.cards.readers import READERS, UnknownReaderError, reader_of
from acquirers.terminal.cards.reading import CardError, CardReader
from acquirers.terminal.choices import (
    ChoiceError,
    NamedCard,
    Wishes,
    choose_card,
    order_of,
    original_for,
)
from acquirers.terminal.client import Address, Patience
from acquirers.terminal.dialog import HISTORY, REPEAT, Carrier, Dialog, repeatable
from acquirers.terminal.keys import (
    NOTHING_INJECTED,
    InjectedKeys,
    TerminalKeyError,
    TerminalKeys,
    ToldKeyError,
    key_in,
)
from acquirers.terminal.memory import TerminalMemory
from acquirers.terminal.orders import NETWORK, OrderError, Service
from acquirers.terminal.parties import Card, CardUnreadableError, Station
from acquirers.terminal.point_of_sale import CardDiffersError, Performed
from acquirers.terminal.receipt_text import HEADING
from acquirers.terminal.screen import history_lines
from acquirers.terminal.texts import Language, Text
from acquirers.terminal.tls import terminal_tls
from acquirers.terminal.voucher_pin import VoucherPinError
from acquirers.terminal.wire import UnknownProfileError, wire_of
from bashgah import demo_keys
from bashgah.counter import Counter
from bashgah.demo import MAC_TERMINAL, SHOPS, TERMINALS, TEST_CARDS
from bashgah.demo_products import PRODUCT_CARDS
from hsm_sim.key_types import TAK, TEK, TMK, TPK
from switch.iso8583 import EncodeError

PORTS = {"pos-binary": 8583, "pos-ascii": 8584}
"""Where the demo's configuration puts the profiles' listeners."""

EXIT_DECLINED = 1
EXIT_UNANSWERED = 2

CHOICE_ERRORS = (
    CardError,
    ChoiceError,
    CardUnreadableError,
    CardDiffersError,
    EncodeError,
    OrderError,
    PinError,
    TerminalKeyError,
    ToldKeyError,
    UnknownProfileError,
    UnknownReaderError,
    VoucherPinError,
)

CardOption = Annotated[
    str,
    typer.Option(
        help="Number of a test card, a card number, or track 2 (;PAN=YYMM…?). "
        "Default: the card of the message it is about, else test card 1."
    ),
]
ReaderOption = Annotated[
    str, typer.Option(help=f"Read the card: {READERS}. Files are explained in docs/cards.md.")
]
ExpiryOption = Annotated[str, typer.Option(help="YYMM, sent with a card number when given.")]
AmountOption = Annotated[str, typer.Option(help="In rials; 250,000 and ۲۵۰٬۰۰۰ are read too.")]
PointsOption = Annotated[str, typer.Option(help="Points to redeem at most (mixed, points).")]
PartialOption = Annotated[
    bool, typer.Option("--partial", help="Take a part when there is not enough.")
]
FinalOption = Annotated[str, typer.Option(help="Reverse only down to this amount.")]
OfOption = Annotated[
    str, typer.Option(help="Reference number of the message it is about. Default: the last.")
]
PlanOption = Annotated[
    str, typer.Option(help="Number of the plan by which a purchase is paid later (instalments).")
]
SerialOption = Annotated[str, typer.Option(help="Items: the serial number.")]
DayOption = Annotated[str, typer.Option(help="Cut-over: the day that begins, MMDD.")]
LangOption = Annotated[Language, typer.Option(help="Receipt in English or Persian.")]
HostOption = Annotated[str, typer.Option(help="Where the switch listens.")]
PortOption = Annotated[
    int | None,
    typer.Option(help="Default: " + ", ".join(f"{p} for {name}" for name, p in PORTS.items())),
]
TlsCaOption = Annotated[
    Path | None, typer.Option(help="Speak TLS: who vouches for the switch (PEM).")
]
TlsCertOption = Annotated[Path | None, typer.Option(help="The terminal's certificate (PEM).")]
TlsKeyOption = Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")]
ProfileOption = Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")]
TerminalOption = Annotated[str, typer.Option(help="Terminal, DE 41.")]
MerchantOption = Annotated[
    str, typer.Option(help="Merchant, DE 42. Default: the demo terminal's own.")
]
AcquirerOption = Annotated[str, typer.Option(help="Acquirer, DE 32. Default: not sent.")]
TimezoneOption = Annotated[str, typer.Option(help="The terminal's local time.")]
StateOption = Annotated[
    Path | None, typer.Option(help="Where trace numbers and the last messages are kept.")
]
ReplySecondsOption = Annotated[float, typer.Option(help="How long to wait for a reply.")]
RepeatsOption = Annotated[int, typer.Option(help="Repeats before it gives up and reverses.")]
ReceiptOnlyOption = Annotated[
    bool, typer.Option("--receipt-only", help="Do not show the messages.")
]
PinOption = Annotated[bool, typer.Option("--pin", help="Ask for the PIN, unseen.")]
PinFileOption = Annotated[
    Path | None, typer.Option(help="Read the PIN from a file, or from standard input with -.")
]
VoucherPinFileOption = Annotated[
    Path | None,
    typer.Option(
        help="Redeem: read the voucher's PIN from a file, or from standard input with -. "
        "Default: ask for it, unseen."
    ),
]
PinKeyOption = Annotated[
    Path | None,
    typer.Option(
        help="The terminal's PIN key: a file of hex digits, mode 0600. "
        "Default: that of its last key exchange; the demo's for a demo terminal."
    ),
]
MasterKeyOption = Annotated[
    Path | None,
    typer.Option(help="The key that session keys come under; a file, defaults as --pin-key."),
]
MacKeyOption = Annotated[
    Path | None,
    typer.Option(help="The key of messages' MACs; a file, defaults as --pin-key."),
]
DataKeyOption = Annotated[
    Path | None,
    typer.Option(help="The key of vouchers' PINs; a file, defaults as --pin-key."),
]
MacOption = Annotated[
    Literal["retail", "cmac", "none"],
    typer.Option(help="How messages are authenticated when there is a MAC key."),
]
OperationArgument = Annotated[
    str,
    typer.Argument(
        help=f"What to do: {', '.join(Service)}, {REPEAT}, {HISTORY}. "
        "Without it, the terminal asks."
    ),
]


def command(
    operation: OperationArgument = "",
    card: CardOption = "",
    reader: ReaderOption = "",
    expiry: ExpiryOption = "",
    amount: AmountOption = "",
    points: PointsOption = "",
    partial: PartialOption = False,
    final: FinalOption = "",
    of: OfOption = "",
    day: DayOption = "",
    serial: SerialOption = "",
    plan: PlanOption = "",
    lang: LangOption = Language.ENGLISH,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    tls_ca: TlsCaOption = None,
    tls_cert: TlsCertOption = None,
    tls_key: TlsKeyOption = None,
    profile: ProfileOption = "pos-binary",
    terminal: TerminalOption = TERMINALS[0][0],
    merchant: MerchantOption = "",
    acquirer: AcquirerOption = "",
    timezone: TimezoneOption = "Asia/Tehran",
    state: StateOption = None,
    reply_seconds: ReplySecondsOption = 15.0,
    repeats: RepeatsOption = 2,
    receipt_only: ReceiptOnlyOption = False,
    pin: PinOption = False,
    pin_file: PinFileOption = None,
    voucher_pin_file: VoucherPinFileOption = None,
    pin_key: PinKeyOption = None,
    master_key: MasterKeyOption = None,
    mac_key: MacKeyOption = None,
    data_key: DataKeyOption = None,
    mac: MacOption = "retail",
) -> None:
    """Be a POS terminal: pay, refund, reverse, ask for the balance, and print the receipt.

    \b
    bashgah terminal                         asks for everything
    bashgah terminal purchase --card 1 --amount 250000 --lang fa
    bashgah terminal instalments --card 18 --amount 10,000,000 --plan 2
    bashgah terminal redeem --card 1         asks for a voucher's PIN, unseen
    bashgah terminal reversal                of the last message; repeat: the same reply again

    Exit status: 0 approved, 1 declined, 2 no reply or not understood.
    """
    with _explained():
        merchant_id = merchant or dict(TERMINALS).get(terminal, "")
        state_path = state or _state_path(terminal)
        counter = Counter(
            station=Station(terminal_id=terminal, merchant_id=merchant_id, acquirer_code=acquirer),
            address=Address(host=host, port=port or PORTS.get(profile, 0)),
            wire=wire_of(profile),
            patience=Patience(reply_seconds=reply_seconds, repeats_max=repeats),
            tls=_tls(tls_ca, tls_cert, tls_key),
            memory=TerminalMemory(state_path, terminal),
            now=lambda: datetime.now(ZoneInfo(timezone)),
            language=lang,
            heading=_heading(merchant_id),
            receipt_only=receipt_only,
            reader=_reader(reader, card),
            ask_pin=_pin_entry(pin, pin_file),
            ask_voucher_pin=lambda: _read_secret("voucher PIN: ", voucher_pin_file),
            keys=_keys(terminal, state_path, (master_key, pin_key, mac_key, data_key)),
            mac_algorithm=None if mac == "none" else mac,
        )
        wishes = _wishes(amount, points, partial, final, of, day, serial, plan)
        raise typer.Exit(_status(counter, operation, wishes, card, expiry))


@contextmanager
def _explained() -> Iterator[None]:
    """Say in one line what a person can do better, and end with the status for it."""
    try:
        yield
    except CHOICE_ERRORS as error:
        typer.echo(f"bashgah terminal: {error}", err=True)
        raise typer.Exit(EXIT_UNANSWERED) from None


def _wishes(
    amount: str,
    points: str,
    partial: bool,
    final: str,
    of: str,
    day: str,
    serial: str,
    plan: str,
) -> Wishes:
    return Wishes(
        amount_typed=amount,
        points=points,
        partial_accepted=partial,
        final_amount=final,
        original_rrn=of,
        settlement_date=day,
        serial=serial,
        plan=plan,
    )


def _tls(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if ca is None and certificate is None and key is None:
        return None
    if ca is None or certificate is None or key is None:
        raise ChoiceError("TLS needs all of --tls-ca, --tls-cert and --tls-key")
    return terminal_tls(ca, certificate, key)


def _status(counter: Counter, operation: str, wishes: Wishes, typed_card: str, expiry: str) -> int:
    """Carry out what was asked for, or what is asked for in a conversation; the exit status."""
    if not operation:
        _converse(counter)
        return 0
    if operation == HISTORY:
        for line in history_lines(counter.memory.exchanges(), counter.language):
            typer.echo(line)
        return 0
    performed = _once(counter, operation, wishes, typed_card, expiry)
    if performed is None:
        return EXIT_DECLINED
    if performed.approved:
        return 0
    return EXIT_DECLINED if performed.receipt is not None else EXIT_UNANSWERED


def _once(
    counter: Counter, operation: str, wishes: Wishes, typed_card: str, expiry: str
) -> Performed | None:
    """Carry out the one operation that was asked for; None where the person did not agree."""
    cards = _named_cards()
    card: Card | None = None
    name = ""
    if operation == REPEAT:
        exchange = repeatable(wishes.original_rrn, counter.memory)
        if counter.reader is None:
            card, _ = choose_card(typed_card or exchange.card_name, expiry, cards)
        return counter.repeat(exchange, card)
    if operation not in set(Service):
        raise ChoiceError(f"no operation {operation!r}; `bashgah terminal --help` lists them")
    service = Service(operation)
    if service not in NETWORK and counter.reader is None:
        original = original_for(service, wishes.original_rrn, counter.memory)
        default = cards[0].name if original is None else original.card_name
        card, name = choose_card(typed_card or default, expiry, cards)
    if service is Service.SETTLEMENT and not wishes.amount_typed:
        return counter.settle(card, name, _ask)
    return counter.order(order_of(service, wishes, counter.memory), card, name)


def _converse(counter: Counter) -> None:
    """Ask for one operation after another until the person quits or closes the input."""
    dialog = Dialog(
        ask=_ask,
        show=typer.echo,
        carrier=Carrier(order=counter.order, repeat=counter.repeat, settle=counter.settle),
        memory=counter.memory,
        cards=_named_cards(),
        language=counter.language,
        card_is_read=counter.reader is not None,
    )
    try:
        dialog.run()
    except typer.Abort:  # the input ended: as good as "quit"
        typer.echo()


def _ask(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False))


def _reader(wish: str, typed_card: str) -> CardReader | None:
    """Give the reader that was asked for, if one was. Raises ChoiceError, UnknownReaderError."""
    if not wish:
        return None
    if typed_card:
        raise ChoiceError("a card is either read (--reader) or typed (--card)")
    return reader_of(wish)


def _pin_entry(asked: bool, file: Path | None) -> Callable[[], str] | None:
    """Give how the PIN is entered, if one is wanted. Raises ChoiceError."""
    if not asked and file is None:
        return None
    if asked and file is not None:
        raise ChoiceError("a PIN is either asked for (--pin) or read (--pin-file)")
    return partial(_read_secret, "PIN: ", file)


def _keys(terminal: str, state: Path, files: tuple[Path | None, ...]) -> TerminalKeys:
    """Give the terminal's keys, and those of this run's options. Raises TerminalKeyError."""
    master, pin, mac, data = (None if path is None else key_in(path) for path in files)
    return TerminalKeys(
        state.with_suffix(".keys"),
        terminal,
        _injected_keys(terminal),
        InjectedKeys(master=master, pin=pin, mac=mac, data=data),
    )


def _injected_keys(terminal: str) -> InjectedKeys:
    """Give the keys that a terminal of the demo came with."""
    if terminal not in dict(TERMINALS):
        return NOTHING_INJECTED
    return InjectedKeys(
        master=demo_keys.clear_key(TMK),
        pin=demo_keys.clear_key(TPK),
        mac=demo_keys.clear_key(TAK) if terminal == MAC_TERMINAL else None,
        data=demo_keys.clear_key(TEK),
    )


def _read_secret(prompt: str, file: Path | None) -> str:
    """Give a PIN, never as it is shown or left in a shell's history. Raises OSError."""
    if file is None:
        return getpass(prompt)
    if file == Path("-"):
        return sys.stdin.readline().strip()
    return file.read_text("utf-8").strip()


def _named_cards() -> list[NamedCard]:
    return [
        NamedCard(
            name=str(number),
            label=Text(card.label, card.label_fa),
            card=Card(pan=card.pan, expiry=card.expiry),
        )
        for number, card in enumerate([*TEST_CARDS, *PRODUCT_CARDS], start=1)
    ]


def _heading(merchant_id: str) -> Text:
    """Give the name of a demo shop, to stand on its receipts."""
    for shop in SHOPS:
        if shop.merchant_id == merchant_id:
            return Text(shop.name, shop.name_fa)
    return HEADING


def _state_path(terminal: str) -> Path:
    """Give the terminal's file in the user's state directory (XDG base directory specification)."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    name = "".join(letter for letter in terminal if letter.isalnum()) or "unnamed"
    return Path(home) / "bashgah" / f"terminal-{name}.json"
