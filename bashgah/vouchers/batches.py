"""Making and exporting a batch of vouchers by an HSM's commands.

Owns the order of commands and the batch's files:

    <batch>.order.json   what the batch is
    <batch>.digests.csv  serial,product,digest,key id: to load vouchers with; no secret in it but
                         the digests, which are worthless without the HSM. After a change of
                         the digest key `<batch>.digests.<key id>.csv`, too
    <batch>.sealed.csv   index,sealed PIN: what an export needs. Noise to everybody but the HSM, and
                         to the HSM after the export
    <batch>.p7m, .sig    the print house's file, and the HSM's signature over it

A PIN in clear is in none of them and never in this process.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bashgah.hsm_dialog import ask, fetched
from bashgah.production_files import write_new
from hsm_sim.production import serial_of
from switch.errors import OperatingError
from switch.hsm_client import HsmSession

COUNT_MAX = 150  # of one command
ATTEMPTS_MAX = 20
DIGEST_CHARACTERS = 64
SEALED_BYTES = 28  # more than the PIN


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch to make. `first` is the serial number of its first voucher, without check digit."""

    batch: str
    product: str
    count: int
    first: int
    value_minor: int
    digits: int = 16
    key_id: int = 1  # which digest key, for who looks digests up


class Token(NamedTuple):
    """A custodian's word for an export, as he got it at the HSM's console."""

    custodian: str
    mac: str

    def __repr__(self) -> str:
        """Show whose it is: whoever has the rest can use it."""
        return f"Token({self.custodian})"


class Made(NamedTuple):
    """A batch as the HSM gave it: digests and sealed PINs, in order of the vouchers."""

    serials: list[str]
    digests: list[str]
    sealed: list[str]


class Exported(NamedTuple):
    """The print house's file."""

    envelope: bytes
    signature: bytes


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch, as the HSM remembers it."""

    state: str
    count: int
    recipient: str
    sha256: str


async def generate(session: HsmSession, order: Order, digest_key: str) -> Made:
    """Make a batch. No two vouchers of it have the same PIN. Raises HsmRefused, HsmUnavailable."""
    product = f"{len(order.product):02}{order.product}"
    await ask(
        session,
        "VA",
        f"{order.batch}{order.digits:02}{order.count:06}{order.first:015}"
        f"{order.value_minor:012}{product}",
    )
    digests, sealed = [""] * order.count, [""] * order.count
    missing = set(range(order.count))
    for _ in range(ATTEMPTS_MAX):
        for index, count in spans(sorted(missing)):
            rows = await _made(session, order, index, count, digest_key)
            for place, (digest, pin) in enumerate(rows, index):
                digests[place], sealed[place] = digest, pin
        missing = _repeated(digests)
        if not missing:
            return Made(serials_of(order), digests, sealed)
    raise OperatingError("too many equal PINs: take more digits")


async def export(
    session: HsmSession,
    order: Order,
    sealed: list[str],
    *,
    recipient: str,
    tokens: list[Token],
    mac_key: str,
) -> Exported:
    """Have a batch written for its print house. After this the sealed PINs are noise."""
    words = "".join(f"{len(it.custodian):02}{it.custodian}{it.mac}" for it in tokens)
    number = (await ask(session, "VI", order.batch + recipient + words)).decode("ascii")
    for index, count in spans(range(order.count)):
        rows = "".join(sealed[index : index + count])
        await ask(session, "VK", f"{number}{index:06}{count:03}{rows}")
    told = await ask(session, "VM", number + mac_key)
    return Exported(*await fetched(session, number, told))


async def outcome(session: HsmSession, batch: str) -> Outcome:
    """Ask what became of a batch."""
    told = (await ask(session, "VW", batch)).decode("ascii")
    return Outcome(state=told[0], count=int(told[1:7]), recipient=told[7:71], sha256=told[71:])


async def redigested(
    session: HsmSession, order: Order, sealed: list[str], digest_key: str
) -> list[str]:
    """Digest a batch under another key, as long as it is not exported.

    Later only who brings a PIN lets it be digested anew: `VG` does that at its redemption.
    """
    start = f"{digest_key}{len(order.product):02}{order.product}S{order.batch}"
    return [
        (await ask(session, "VE", f"{start}{index:06}{order.digits:02}{pin}")).decode("ascii")
        for index, pin in enumerate(sealed)
    ]


def digest_lines(order: Order, serials: list[str], digests: list[str], key_id: int) -> bytes:
    """Give the file that vouchers are loaded from."""
    rows = zip(serials, digests, strict=True)
    text = "".join(f"{serial},{order.product},{digest},{key_id}\n" for serial, digest in rows)
    return text.encode("ascii")


def serials_of(order: Order) -> list[str]:
    """Give all serial numbers of a batch."""
    return [serial_of(order.first + index) for index in range(order.count)]


def write_batch(directory: Path, order: Order, made: Made) -> None:
    """Write a batch's files. Raises OperatingError, OSError."""
    digests = digest_lines(order, made.serials, made.digests, order.key_id)
    sealed = "".join(f"{index},{pin}\n" for index, pin in enumerate(made.sealed))
    write_new(path_of(directory, order.batch, "order.json"), msgspec.json.encode(order))
    write_new(path_of(directory, order.batch, "digests.csv"), digests)
    write_new(path_of(directory, order.batch, "sealed.csv"), sealed.encode("ascii"))


def read_order(directory: Path, batch: str) -> Order:
    """Read what a batch is. Raises OperatingError, OSError."""
    path = path_of(directory, batch, "order.json")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Order)
    except msgspec.MsgspecError as error:
        raise OperatingError(f"{path}: {error}") from None


def read_batch(directory: Path, batch: str) -> tuple[Order, list[str]]:
    """Read a batch's order and sealed PINs. Raises OperatingError, OSError."""
    order = read_order(directory, batch)
    path = path_of(directory, batch, "sealed.csv")
    rows = [line.split(",") for line in path.read_text("ascii").splitlines()]
    if [row[0] for row in rows] != [str(index) for index in range(order.count)]:
        raise OperatingError(f"{path}: not one line for each voucher")
    return order, [row[1] for row in rows]


def path_of(directory: Path, batch: str, kind: str) -> Path:
    """Give the path of a batch's file."""
    return directory / f"{batch}.{kind}"


def spans(places: range | list[int]) -> Iterator[tuple[int, int]]:
    """Cut places, in their order, into runs that one command takes: start and count."""
    start = count = 0
    for place in places:
        if count and (place != start + count or count == COUNT_MAX):
            yield start, count
            count = 0
        if not count:
            start = place
        count += 1
    if count:
        yield start, count


async def _made(
    session: HsmSession, order: Order, index: int, count: int, digest_key: str
) -> list[tuple[str, str]]:
    told = await ask(session, "VC", f"{order.batch}{index:06}{count:03}{digest_key}")
    text = told[3:].decode("ascii")
    width = DIGEST_CHARACTERS + 2 * (order.digits + SEALED_BYTES)
    rows = [text[at : at + width] for at in range(0, count * width, width)]
    return [(row[:DIGEST_CHARACTERS], row[DIGEST_CHARACTERS:]) for row in rows]


def _repeated(digests: list[str]) -> set[int]:
    """Give the places whose digest stands before them: the same PIN."""
    seen: set[str] = set()
    repeated = set()
    for place, digest in enumerate(digests):
        if digest in seen:
            repeated.add(place)
        seen.add(digest)
    return repeated
