"""What makes a message the terminal's own, and a reply the switch's: DE 64, or 128.

Owns over which bytes and where. Must not know where the key comes from.
Source: ISO 9797-1 algorithm 3, padding method 1; NIST SP 800-38B.
"""

from typing import Final, Literal

from hsm_sim._keys import Key
from hsm_sim._macs import cmac, equal, retail_mac
from switch.errors import ProtocolError
from switch.iso8583 import Message, Spec, encode

MAC_BYTES: Final = 8
"""Binary in both profiles, and the last bytes of its message."""
ZEROS_PADDED: Final = 1

MacAlgorithm = Literal["retail", "cmac"]


class MacError(ProtocolError):
    """A reply is not to be believed; the text says what it claims to be."""


class MessageMac:
    """MACs under one key. The algorithm is the one that was agreed with the switch."""

    def __init__(self, key: Key, algorithm: MacAlgorithm) -> None:
        self._key = key
        self._algorithm = algorithm

    def sealed(self, message: Message, spec: Spec) -> bytes:
        """Give a message's bytes with its MAC, which it has from now on. Raises EncodeError."""
        element = 128 if any(number > 64 for number in _numbers(message)) else 64
        message[element] = "00" * MAC_BYTES
        before = encode(message, spec)[:-MAC_BYTES]
        made = self._over(before)
        message[element] = made.hex().upper()
        return before + made

    def check(self, body: bytes, reply: Message) -> None:
        """Raise MacError unless a reply ends with the right MAC."""
        claim = f"it says {reply.get(39, '??')} {reply.get('48.RC', '')}".rstrip()
        if 64 not in reply and 128 not in reply:
            raise MacError(f"the reply has no MAC ({claim})")
        if not equal(body[-MAC_BYTES:], self._over(body[:-MAC_BYTES])):
            raise MacError(f"the reply's MAC is wrong ({claim})")

    def _over(self, before: bytes) -> bytes:
        if self._algorithm == "retail":
            return retail_mac(self._key, before, ZEROS_PADDED)
        return cmac(self._key, before)[:MAC_BYTES]


def _numbers(message: Message) -> list[int]:
    return [int(element) for element in message if element.isdigit()]
