"""The HSM without its sockets: a command in, its response out.

Owns what commands share: the LMKs, the cache of opened keys, the authorised state and the policy.
Which commands there are is a table (`hsm_sim/commands`), handed in. No I/O; its clock comes in.

    request   header | command 2A | fields | ['%' LMK 2N] | [X'19' trailer]
    response  header | reply 2A   | error 2A | fields | [X'19' trailer]
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from hsm_sim._keys import Key
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.health import Health
from hsm_sim.key_types import KeyType
from hsm_sim.pin_policy import PinPolicy
from hsm_sim.pin_watch import PinLimits, PinWatch
from hsm_sim.production import Production

HEADER_BYTES = 4
CACHED_KEYS_MAX = 65_536  # of 10,000 terminals with five keys each; about 1 KB a key


class Lmk(Protocol):
    """A local master key: what all other keys are sealed under."""

    @property
    def check_value(self) -> str:
        """16 hexadecimal digits."""

    @property
    def pin_key(self) -> Key | None:
        """What PINs are sealed under; None for a set that leaves them clear."""

    def open(self, wire: bytes, kind: KeyType) -> Key:
        """Open a key as it is on the wire. Refused when it is no such key."""

    def seal(self, key: Key, kind: KeyType, scheme: str, exportable: str = "E") -> bytes:
        """Seal a key for the wire; `scheme` is U, T, X, Y, Z (bare) or S."""


class Answer(NamedTuple):
    """A response that is not plain 00: a warning with its result, or a failed verification."""

    code: ErrorCode
    fields: bytes

    def __repr__(self) -> str:
        """Show no fields: a few commands are there to tell a PIN."""
        return f"Answer({self.code}, {len(self.fields)} bytes)"


Run = Callable[["Hsm", Fields], bytes | Answer]


class Command(NamedTuple):
    """A row of the table of commands."""

    code: str
    name: str
    run: Run
    authorised: bool = False  # only in the authorised state

    @property
    def reply(self) -> str:
        """Reply code: the second letter's follower (A0 → A1, CC → CD)."""
        return reply_code(self.code.encode("ascii")).decode("ascii")


class Hsm:
    """One HSM. Belongs to one thread."""

    def __init__(
        self,
        lmks: Mapping[int, Lmk],
        commands: Mapping[str, Command],
        *,
        header_bytes: int = HEADER_BYTES,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic_seconds: Callable[[], float] = time.monotonic,
        pin_policy: PinPolicy | None = None,
        pin_limits: PinLimits | None = None,
    ) -> None:
        self.lmks = dict(lmks)
        self.commands = dict(commands)
        self.header_bytes = header_bytes  # of frames, and of commands in a chain
        self.health = Health(now_ns)
        self.pin_policy = pin_policy or PinPolicy()
        self.pin_watch = PinWatch(pin_limits or PinLimits(), monotonic_seconds)
        self.authorised = False
        self.disabled: frozenset[str] = frozenset()
        self.production: Production | None = None  # in an HSM that makes vouchers and mailers
        self._opened: OrderedDict[tuple[int, str, bytes], Key] = OrderedDict()
        self._rows = {
            command.code.encode("ascii"): (command, command.reply.encode("ascii"))
            for command in commands.values()
        }

    def lmk(self, fields: Fields) -> Lmk:
        """Give the LMK that a command names, or the only default."""
        lmk = self.lmks.get(fields.lmk_id or 0)
        if lmk is None:
            raise Refused(ErrorCode.LMK_ID)
        return lmk

    def key(self, fields: Fields, wire: bytes, kind: KeyType) -> Key:
        """Open a key of a command, from the cache when it was opened before."""
        place = (fields.lmk_id or 0, kind.name, wire)
        key = self._opened.get(place)
        if key is None:
            key = self._opened[place] = self.lmk(fields).open(wire, kind)
            if len(self._opened) > CACHED_KEYS_MAX:
                self._opened.popitem(last=False)
        else:
            self._opened.move_to_end(place)
        return key

    def execute(self, message: bytes) -> bytes:
        """Run one command (without its header). Every message gets a reply."""
        row = self._rows.get(message[:2])
        fields = Fields(message[2:])
        if row is None:
            return reply_code(message[:2]) + _UNKNOWN + _trailer(fields)
        command, reply = row
        self.health.counts[command.code] += 1
        try:
            if command.code in self.disabled:
                raise Refused(ErrorCode.DISABLED)
            if command.authorised and not self.authorised:
                raise Refused(ErrorCode.NOT_AUTHORISED)
            result = command.run(self, fields)
        except Refused as refusal:
            return reply + refusal.code.encode("ascii") + _trailer(fields)
        else:
            if isinstance(result, Answer):
                response = reply + result.code.encode("ascii") + result.fields
            else:
                response = reply + _OK + result
        if fields.trailer is not None:
            response += b"\x19" + fields.trailer
        return response


def _trailer(fields: Fields) -> bytes:
    """Give a refused command's trailer, wherever reading it has stopped."""
    fields.abandon()
    return b"" if fields.trailer is None else b"\x19" + fields.trailer


_OK = ErrorCode.OK.encode("ascii")
_UNKNOWN = ErrorCode.UNKNOWN_COMMAND.encode("ascii")


def reply_code(code: bytes) -> bytes:
    """Reply code of a command, known or not: the second letter's follower; of rubbish, ZZ."""
    if len(code) == 2 and code.isalnum():
        return bytes((code[0], code[1] + 1))
    return _UNKNOWN
