"""Commands to a chip and its answers, over anything that carries bytes.

Owns their form, and the two ways in which a card says "ask again". Must not know what a command is
for. Source: ISO/IEC 7816-3 clause 12 and 7816-4 clause 5, short form.
"""

from typing import Final, Protocol

from acquirers.terminal.cards.reading import CardError
from switch.masked import Masked

OK: Final = 0x9000
NOT_FOUND: Final = 0x6A82
ANSWER_BYTES_MAX: Final = 258
"""Short form: 256 bytes of data and the status."""
FOLLOW_UPS_MAX: Final = 8
"""A card that sends us on and on is faulty: no answer of this dialog is longer than two parts."""


class Answer(Masked, frozen=True, gc=False):
    """Data and status of one command; the status is SW1 and SW2 in one number."""

    data: bytes
    status: int

    def shown(self) -> str:
        """Show no data: a record holds the card's number."""
        return f"{len(self.data)} bytes, {self.status:04X}"


class Transport(Protocol):
    """One powered card. `contactless`: it is held to an antenna, not put into a slot."""

    contactless: bool

    async def transmit(self, command: bytes) -> bytes:
        """Give the card's answer, status last. Raises CardRemovedError, CardError."""


def command(header: bytes, data: bytes = b"", *, answered: bool = True) -> bytes:
    """Give a command: class, instruction, P1, P2 in `header`; `answered`: it wants data back."""
    assert len(header) == 4, "CLA INS P1 P2"
    if len(data) > 0xFF:
        raise CardError(f"the card asks for {len(data)} bytes, 255 at most fit a command")
    body = bytes([len(data)]) + data if data else b""
    return header + body + (b"\0" if answered or not data else b"")


async def exchange(transport: Transport, sent: bytes) -> Answer:
    """Send a command and follow up until its answer is whole. Raises CardError.

    61xx: xx bytes wait, GET RESPONSE fetches them. 6Cxx: the same again, with xx as the length.
    Both are T=0's way; pcscd hands them through.
    """
    data, next_command = b"", sent
    for _ in range(FOLLOW_UPS_MAX):
        answer = _split(await transport.transmit(next_command))
        data += answer.data
        kind, count = answer.status >> 8, answer.status & 0xFF
        if kind == 0x61:
            next_command = bytes([0x00, 0xC0, 0x00, 0x00, count])
        elif kind == 0x6C:
            next_command = next_command[:-1] + bytes([count])
        else:
            return Answer(data, answer.status)
    raise CardError("the card sends on and on")


def _split(received: bytes) -> Answer:
    if not 2 <= len(received) <= ANSWER_BYTES_MAX:
        raise CardError(f"the card answered {len(received)} bytes: not an answer")
    return Answer(received[:-2], int.from_bytes(received[-2:]))
