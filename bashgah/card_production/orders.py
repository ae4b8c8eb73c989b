"""What is to be made: an order for a batch of cards, as a TOML file.

Owns the order and the cards' numbers. Keys in it are files of keys under the HSM's LMK, recipients
are certificates (PEM); paths are relative to the order's file.
"""

import tomllib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from acquirers.terminal.cards.personalisation import Bitmap
from bashgah.card_production.tracks import discretionary_zeros
from hsm_sim.check_digits import luhn_digit
from switch.errors import OperatingError

COUNT_MAX = 100_000


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files with keys as commands have them (S and a key block), all under the HSM's LMK."""

    pvk: Path
    cvk: Path
    mk_ac: Path
    zmk: Path  # shared with the personaliser; TDES
    mk_cvc3: Path | None = None  # where the cards have stripe mode


class Recipients(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates of those who receive files."""

    personaliser: Path
    mailer_printer: Path  # enrolled in the HSM


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch of cards. `first` is the sequence number in the first card's PAN.

    `names`: a file with a name a line; without it every card bears `name`. `guests_of`: the loader
    file of members' cards; the batch has a guest's card for each, and its numbers are looked for
    from `first` on.
    """

    batch: Annotated[str, Meta(pattern="^[A-Z0-9]{12}$")]
    bin: Annotated[str, Meta(pattern="^[0-9]{6,8}$")]
    first: Annotated[int, Meta(ge=0)]
    count: Annotated[int, Meta(ge=1, le=COUNT_MAX)]
    expiry: Annotated[str, Meta(pattern="^[0-9]{2}(0[1-9]|1[0-2])$")]  # YYMM
    keys: Keys
    recipients: Recipients
    pan_digits: Annotated[int, Meta(ge=12, le=19)] = 16
    service_code: Annotated[str, Meta(pattern="^[0-9]{3}$")] = "201"
    sequence_number: Annotated[str, Meta(pattern="^[0-9]{2}$")] = "01"
    pin_digits: Annotated[int, Meta(ge=4, le=12)] = 4
    pvki: Annotated[int, Meta(ge=0, le=9)] = 1
    pcvc3_track2: Bitmap = "1F00"  # of stripe mode, as the switch's `issuer_keys_set` has them
    punatc_track2: Bitmap = "00FE"
    natc_track2: Annotated[int, Meta(ge=1, le=5)] = 3
    key_index: Annotated[int, Meta(ge=0, le=0xFF)] = 1  # of the issuer's key, told by the chip
    label: Annotated[str, Meta(pattern="^[ -~]{1,16}$")] = "BASHGAH CLUB"
    name: Annotated[str, Meta(pattern="^[ -\\]_]{2,26}$")] = "CLUB MEMBER"
    names: Path | None = None
    guests_of: Path | None = None


def read_order(path: Path) -> Order:
    """Read an order. Raises OperatingError that names the place, OSError."""
    try:
        order = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Order, dec_hook=_path)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise OperatingError(f"{path}: {error}") from None
    if order.first + order.count > 10 ** _sequence_digits(order):
        raise OperatingError(f"{path}: no room for so many cards behind this BIN - at $.count")
    if order.keys.mk_cvc3 is not None and not _has_room_for_codes(order):
        raise OperatingError(f"{path}: no such digits on track 2 - at $.pcvc3_track2")
    return order


def _has_room_for_codes(order: Order) -> bool:
    """Are the places of stripe mode on the track, each with one use, the last digit's its own?"""
    code, numbers = int(order.pcvc3_track2, 16), int(order.punatc_track2, 16)
    digits = len(discretionary_zeros(order.pan_digits))
    return not (code & numbers or (code | numbers) & 1 or (code | numbers) >> digits)


def pans(order: Order) -> list[str]:
    """Give the batch's numbers, one behind the other."""
    return list(islice(pans_from(order), order.count))


def pans_from(order: Order) -> Iterator[str]:
    """Give the numbers that there are from the first on: BIN, sequence, Luhn's check digit."""
    width = _sequence_digits(order)
    for number in range(order.first, 10**width):
        body = f"{order.bin}{number:0{width}}"
        yield body + luhn_digit(body)


def names(order: Order, directory: Path) -> Sequence[str]:
    """Give the name on each card. Raises OperatingError, OSError."""
    if order.names is None:
        return [order.name] * order.count
    path = directory / order.names
    found = path.read_text("ascii").splitlines()
    if len(found) != order.count:
        raise OperatingError(f"{path}: {len(found)} names for {order.count} cards")
    for number, name in enumerate(found, 1):
        good = 2 <= len(name) <= 26 and name.isascii() and name.isprintable() and name.isupper()
        if not good or any(character in "^?%," for character in name):
            raise OperatingError(f"{path}:{number}: no name that a card can bear")
    return found


def _sequence_digits(order: Order) -> int:
    return order.pan_digits - len(order.bin) - 1


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError(f"Expected a path, got `{type(value).__name__}`")
