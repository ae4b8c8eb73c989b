"""Talking to an HSM about production: one command, its fields or a refusal; a whole document.

Owns what the makers of vouchers and cards have in common on this side. Must not know what the
fields mean: they hold card data, so no error shows any.
"""

from switch.errors import OperatingError
from switch.hsm_client import HsmAddress, HsmSession

REASONS = {
    "01": "it does not verify",
    "12": "this HSM makes no vouchers, mailers or chip keys",
    "15": "a field is wrong, or it was used before",
    "17": "not authorised: two custodians must allow it",
    "20": "no PIN of ours: mistyped",
    "24": "a PIN of another length",
    "28": "a key of another type",
    "29": "not permitted: done before, or no such recipient",
    "68": "this command is disabled",
    "A4": "a key that is not under this HSM's LMK",
    "ZZ": "this HSM has no such command",
}


class HsmRefused(OperatingError):
    """The HSM said no; `code` is its error code."""

    def __init__(self, command: str, code: str) -> None:
        super().__init__(f"the HSM refused {command} with {code}: {REASONS.get(code, 'an error')}")
        self.code = code


async def ask(session: HsmSession, command: str, fields: bytes | str = b"") -> bytes:
    """Send a command; its response's fields. Raises HsmRefused, HsmUnavailable."""
    data = fields.encode("ascii") if isinstance(fields, str) else fields
    response = await session.command(command.encode("ascii") + data)
    code = response[2:4].decode("latin-1")
    if code != "00":
        raise HsmRefused(command, code)
    return response[4:]


async def fetched(session: HsmSession, number: str, told: bytes) -> tuple[bytes, bytes]:
    """Fetch an encrypted document that the HSM has told of: the document, its signature."""
    length, signature = int(told[:8]), bytes.fromhex(told[11:].decode("ascii"))
    document = bytearray()
    while len(document) < length:
        part = await ask(session, "VO", f"{number}{len(document):08}")
        document += part[5:]
    return bytes(document), signature


def address_of(text: str) -> HsmAddress:
    """Read HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise OperatingError(f"no address: {text} (HOST:PORT)")
    return HsmAddress(host=host, port=int(port))
