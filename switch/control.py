"""How an operator reaches a running switch: requests over a Unix socket, a JSON line each.

Owns the protocol, that each request is done once, and that who asked is written down. What an event
does is `switch.directory`'s; that its row is durable before it is answered, the server's. Must not
know who the operators are: whoever can enter the socket's directory is one.

    {"do":"record","key":"4f1c…","by":"sara","event":{"type":"pin_tries_reset","card":7}}
    {"is":"recorded","seq":1201,"repeated":false}

A request with a key that was used is not done again: it is answered with the sequence of before.
Keys are forgotten when the switch ends, and beyond `CONTROL_KEYS_MAX` the oldest first. What would
double then (cards, terminals, versions of programmes) is refused as known already; all other events
say how something is from now on.
"""

import hashlib
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Protocol, TypeVar

import msgspec
import structlog
import trio

from switch._core import Core
from switch._security import card_proofs, voucher
from switch.directory import Directory, EventError
from switch.errors import OperatingError, ProtocolError
from switch.events import (
    CardsAdded,
    ClockProgress,
    Digest,
    Event,
    ProgrammeAnnounced,
    ProgrammeApproved,
    ProgrammeChecked,
    ProgrammeDrafted,
    ProgrammeLive,
    ProgrammeRetired,
    TakenOver,
    VoucherHandedOver,
    VoucherRefused,
    decode_event,
    encode_event,
)
from switch.issuer_debts import IssuerEvent
from switch.limits import (
    CONTROL_CARDS_MAX,
    CONTROL_CONNECTIONS_MAX,
    CONTROL_DURABLE_SECONDS_MAX,
    CONTROL_KEYS_MAX,
    CONTROL_LINE_BYTES_MAX,
    CONTROL_SECONDS_MAX,
)
from switch.notices import merchant_names
from switch.operations import CardStatus
from switch.versions import Version
from switch.voucher_debts import VoucherEvent

READ_BYTES = 1 << 16
TOKEN_BYTES = 16
FOUND_A_TURN = 200
"""At 4 to 7 µs a card: about as long as the gate's own turn."""
PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED

PROGRAMME_STEPS = (
    ProgrammeDrafted,
    ProgrammeChecked,
    ProgrammeApproved,
    ProgrammeAnnounced,
    ProgrammeRetired,
)
"""Events that say who wants them."""

Word = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._@-]{1,64}$")]
TokenText = Annotated[str, msgspec.Meta(pattern="^[0-9A-F]{32}$")]
TerminalName = tuple[str, str]
"""Its acquirer's code (DE 32) and its own (DE 41)."""

Name = TypeVar("Name")
Found = TypeVar("Found")

log = structlog.get_logger("switch.control")


class _Request(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"
):
    pass


class Record(_Request, frozen=True, kw_only=True, tag="record"):
    """Let an event take effect. `key` is new for each request, `by` who asks."""

    key: Word
    by: Word
    event: msgspec.Raw


class FindCards(_Request, frozen=True, kw_only=True, tag="find_cards"):
    """Which cards have these tokens?"""

    tokens: Annotated[tuple[TokenText, ...], msgspec.Meta(max_length=CONTROL_CARDS_MAX)]


class FindTerminals(_Request, frozen=True, kw_only=True, tag="find_terminals"):
    """Which terminals have these names?"""

    terminals: Annotated[tuple[TerminalName, ...], msgspec.Meta(max_length=CONTROL_CARDS_MAX)]


class FindProgrammes(_Request, frozen=True, kw_only=True, tag="find_programmes"):
    """Which versions of which programmes are there? 0 = all programmes."""

    programme: int = 0


class SeekVoucher(_Request, frozen=True, kw_only=True, tag="seek_voucher"):
    """Another shard's: is this voucher here? Then it goes there. `programme`: the voucher's."""

    digest: Digest
    programme: int
    shard: int


class BringVoucher(_Request, frozen=True, kw_only=True, tag="bring_voucher"):
    """Another shard's: a voucher that its row has let go is owed to this one."""

    shard: int
    row: int
    event: VoucherHandedOver


Request = Record | FindCards | FindTerminals | FindProgrammes | SeekVoucher | BringVoucher


class _Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="is"):
    pass


class Recorded(_Answer, frozen=True, kw_only=True, tag="recorded"):
    """The event's row is durable; `repeated`: its key had been used for it."""

    seq: int
    repeated: bool = False


class Refused(_Answer, frozen=True, kw_only=True, tag="refused"):
    """Nothing was done; `in_doubt`: it was, and its row is not durable yet. Ask again."""

    error: str
    in_doubt: bool = False


class FoundVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """What a voucher is worth, and whether somebody has that. `sold`: it may be redeemed."""

    price_minor: int
    points: int
    sold: bool
    redeemed: bool


class FoundCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card; `card` is its number in events."""

    card: int
    pan: str  # masked
    status: CardStatus
    pin_tries: int
    expires_yymm: int
    voucher: FoundVoucher | None = None


class FoundCards(_Answer, frozen=True, kw_only=True, tag="cards"):
    """The cards in the order asked; None for a token that is not known."""

    cards: tuple[FoundCard | None, ...]


class FoundTerminals(_Answer, frozen=True, kw_only=True, tag="terminals"):
    """The terminals' numbers in events, in the order asked; None for one that is not known."""

    numbers: tuple[int | None, ...]


class FoundProgrammes(_Answer, frozen=True, kw_only=True, tag="programmes"):
    """Versions in the order in which they became known, and the merchants that they name."""

    versions: tuple[Version, ...]
    merchants: dict[str, tuple[str, str]]


class VoucherSought(_Answer, frozen=True, kw_only=True, tag="voucher_sought"):
    """What `switch.voucher_travel.Sought` says."""

    state: Literal["not here", "refused", "under way", "handed over"]
    row: int = 0
    event: VoucherHandedOver | None = None


Answer = Recorded | Refused | FoundCards | FoundTerminals | FoundProgrammes | VoucherSought

_REQUESTS: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_ENCODER = msgspec.json.Encoder()


class Recorder(Protocol):
    """What is needed of a server."""

    def record(self, event: Event) -> int:
        """Let an event take effect. Raises EventError, OperatingError."""

    async def wait_durable(self, seq: int) -> None:
        """Wait until a row is durable."""


class Vouchers(Protocol):
    """Where another shard asks for a voucher, or brings one. Raises EventError, OperatingError."""

    async def hand_over(self, request: SeekVoucher) -> VoucherSought:
        """Let it go."""

    async def take_in(self, request: BringVoucher) -> int:
        """Have it; gives a row that is durable."""


def strict_event(body: bytes) -> Event:
    """Read an event as an operator writes it. Raises ProtocolError, which names the place.

    The journal's reader lets unknown fields pass, for rows of later versions; a field that is
    mistyped here would silently be its default.
    """
    try:
        event = decode_event(body)
        raw, known = msgspec.json.decode(body), msgspec.json.decode(encode_event(event))
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise ProtocolError(f"event: {error}".replace("`", "")) from None
    unknown = _unknown_field(raw, known, "$")
    if unknown:
        raise ProtocolError(f"event: unknown field - at {unknown}")
    if b"\\u0000" in encode_event(event):
        raise ProtocolError("event: a text has the character NUL, which PostgreSQL cannot show")
    return event


def _unknown_field(raw: Any, known: Any, place: str) -> str:
    """Give the first place in `raw` that is not in `known`; empty when there is none."""
    if isinstance(raw, dict) and isinstance(known, dict):
        for name, value in raw.items():
            if name not in known:
                return f"{place}.{name}"
            if found := _unknown_field(value, known[name], f"{place}.{name}"):
                return found
    elif isinstance(raw, list) and isinstance(known, list):
        for index, (value, other) in enumerate(zip(raw, known, strict=False)):
            if found := _unknown_field(value, other, f"{place}[{index}]"):
                return found
    return ""


class Desk:
    """Where a shard's operators ask. `owns` says of a card's token whether the card is ours."""

    def __init__(
        self,
        *,
        core: Core,
        directory: Directory,
        recorder: Recorder,
        owns: Callable[[bytes], bool],
        vouchers: Vouchers | None = None,
    ) -> None:
        self._core = core
        self._directory = directory
        self._recorder = recorder
        self._owns = owns
        self._vouchers = vouchers
        self._done: dict[str, tuple[bytes, int]] = {}  # key → digest of the event, its sequence
        self._connected = 0

    async def serve(self, listening: socket.socket) -> None:
        """Take requests until cancelled."""
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
        await trio.serve_listeners(self._converse, [listener])

    async def _converse(self, stream: trio.SocketStream) -> None:
        """Answer one connection's requests, one after the other."""
        async with stream:
            try:
                if self._connected >= CONTROL_CONNECTIONS_MAX:
                    await _send(stream, Refused(error="too many operators at once"))
                    return
                self._connected += 1
                try:
                    await self._answer_lines(stream)
                finally:
                    self._connected -= 1
            except (trio.BrokenResourceError, trio.TooSlowError):
                return  # it is gone, or as good as gone

    async def _answer_lines(self, stream: trio.SocketStream) -> None:
        uid = peer_uid(stream)
        lines = _Lines(stream)
        while True:
            try:
                with trio.fail_after(CONTROL_SECONDS_MAX):
                    line = await lines.next_line()
                if not line:
                    return
                answer = await self._answer(line, uid)
            except _LineTooLong as error:
                await _send(stream, Refused(error=str(error)))
                return
            await _send(stream, answer)

    async def _answer(self, line: bytes, uid: int) -> Answer:
        """Do what is asked."""
        try:
            request = _REQUESTS.decode(line)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            return _refused(f"no request: {error}".replace("`", ""), uid)
        match request:
            case FindCards():
                return FoundCards(cards=await _each(self._find_card, request.tokens))
            case FindTerminals():
                return FoundTerminals(numbers=await _each(self._find_terminal, request.terminals))
            case FindProgrammes():
                return self._find_programmes(request.programme)
            case SeekVoucher() | BringVoucher():
                return await self._move_voucher(request, uid)
            case Record():
                try:
                    return await self._record(request, uid)
                except (EventError, ProtocolError, OperatingError) as error:
                    return _refused(str(error), uid, by=request.by)

    async def _move_voucher(self, request: SeekVoucher | BringVoucher, uid: int) -> Answer:
        if self._vouchers is None:
            return _refused("this shard is the only one", uid)
        try:
            if isinstance(request, SeekVoucher):
                return await self._vouchers.hand_over(request)
            return Recorded(seq=await self._vouchers.take_in(request))
        except (EventError, OperatingError) as error:
            return _refused(str(error), uid)

    def _find_card(self, token: str) -> FoundCard | None:
        number = self._core.card_of(bytes.fromhex(token))
        if number is None:
            return None
        _, status, _, expires_yymm, masked = self._core.card(number)
        tries = card_proofs(self._core, number)[0]
        return FoundCard(
            card=number,
            pan=masked,
            status=CardStatus(status),
            pin_tries=tries,
            expires_yymm=expires_yymm,
            voucher=self._voucher(number),
        )

    def _voucher(self, card: int) -> FoundVoucher | None:
        found = voucher(self._core, card)
        if found is None:
            return None
        price_minor, points, redeemed_by = found
        first = self._core.card(card)[0]
        return FoundVoucher(
            price_minor=price_minor,
            points=points,
            sold=any(self._core.account(first + at)[4] > 0 for at in range(2)),
            redeemed=redeemed_by is not None,
        )

    def _find_terminal(self, name: TerminalName) -> int | None:
        return self._directory.terminal_of(*name)

    def _find_programmes(self, programme: int) -> FoundProgrammes:
        versions = self._directory.versions
        found = versions.of(programme) if programme else versions.all()
        named = {name for version in found for name in version.definition.merchants_named()}
        known = merchant_names(self._directory.merchants)
        return FoundProgrammes(
            versions=found, merchants={name: known[name] for name in sorted(named & set(known))}
        )

    async def _record(self, request: Record, uid: int) -> Recorded | Refused:
        """Record an event once. Raises EventError, ProtocolError, OperatingError."""
        event = strict_event(bytes(request.event))
        digest = hashlib.sha256(encode_event(event)).digest()
        before, seq = self._done.get(request.key, (b"", 0))
        if before and before != digest:
            raise ProtocolError("this key was used for another event")
        if not before:
            self._check(event, request.by)
            seq = self._take_effect(event)
            if len(self._done) >= CONTROL_KEYS_MAX:
                del self._done[next(iter(self._done))]
            self._done[request.key] = (digest, seq)
            log.info("control", seq=seq, type=_type_of(event), by=request.by, uid=uid)
        with trio.move_on_after(CONTROL_DURABLE_SECONDS_MAX) as scope:
            await self._recorder.wait_durable(seq)
        if scope.cancelled_caught:
            return Refused(error=f"row {seq} is not durable yet", in_doubt=True)
        return Recorded(seq=seq, repeated=bool(before))

    def _check(self, event: Event, by: str) -> None:
        """Refuse what is no operator's to say, or not of this shard. Raises EventError."""
        # Of another bank's cards nothing is promised here: their own bank decides.
        if isinstance(event, ProgrammeLive) and not event.definition.host:
            raise EventError("a version goes live on the day for which it was announced")
        if isinstance(event, PROGRAMME_STEPS) and event.by != by:
            raise EventError(f"{by} asks, and the step says {event.by}")
        if isinstance(event, TakenOver):
            raise EventError("a process takes its shard over when it starts")
        if isinstance(event, VoucherRefused | VoucherEvent):
            raise EventError("what became of a PIN is written by who looked at it")
        if isinstance(event, ClockProgress):
            raise EventError("how far clock work has come is written by who does it")
        if isinstance(event, IssuerEvent):
            raise EventError("what became of a question to a bank is written by who asked")
        if isinstance(event, CardsAdded):
            starts = range(0, len(event.tokens), TOKEN_BYTES)
            if len(starts) > CONTROL_CARDS_MAX:
                raise EventError(f"{CONTROL_CARDS_MAX:,} cards at most")
            if not all(self._owns(event.tokens[at : at + TOKEN_BYTES]) for at in starts):
                raise EventError("cards of another shard")

    def _take_effect(self, event: Event) -> int:
        try:
            return self._recorder.record(event)
        except EventError:
            raise
        except (ValueError, OverflowError) as error:
            # A number that no column holds, a text that is not ASCII: refused before any change.
            raise EventError(f"{_type_of(event)}: {error}") from None


async def _each(find: Callable[[Name], Found], names: Sequence[Name]) -> tuple[Found, ...]:
    """Find each, and let the gate have its turn in between."""
    found = []
    for at in range(0, len(names), FOUND_A_TURN):
        found += [find(name) for name in names[at : at + FOUND_A_TURN]]
        await trio.lowlevel.checkpoint()
    return tuple(found)


def _refused(error: str, uid: int, by: str = "") -> Refused:
    log.warning("control_refused", by=by, uid=uid, error=error)
    return Refused(error=error)


def _type_of(event: Event) -> str:
    return str(type(event).__struct_config__.tag)


class _LineTooLong(ProtocolError):
    pass


class _Lines:
    """A connection's lines, bounded."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._data = bytearray()

    async def next_line(self) -> bytes:
        """Give the next line; empty when the peer has hung up. Raises _LineTooLong."""
        searched = 0
        while (end := self._data.find(b"\n", searched)) < 0:
            searched = len(self._data)
            if searched > CONTROL_LINE_BYTES_MAX:
                raise _LineTooLong(f"a line has {CONTROL_LINE_BYTES_MAX:,} bytes at most")
            more = await self._stream.receive_some(READ_BYTES)
            if not more:
                return b""  # half a line is no request
            self._data += more
        line = bytes(self._data[: end + 1])
        del self._data[: end + 1]
        return line


async def _send(stream: trio.SocketStream, answer: Answer) -> None:
    with trio.fail_after(CONTROL_SECONDS_MAX):
        await stream.send_all(_ENCODER.encode(answer) + b"\n")


def peer_uid(stream: trio.SocketStream) -> int:
    """Give the user who is connected, as the kernel says."""
    found = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    assert isinstance(found, bytes)
    _, uid, _ = PEER_CREDENTIALS.unpack(found)
    return int(uid)
