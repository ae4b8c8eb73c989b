"""The personalisation file: all that makes a virtual chip card this card, and no other.

Owns the file's form, its checks, and the transaction counter in it. Card production writes such a
file (`write_new`), the virtual card lives on it (`PersonalisationFile`). Must not know APDUs.

The file holds the card's master key in the clear: it *is* the card, and who can read it has a copy
of the card. So it is made readable by its owner only, and refused when it is not.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from acquirers.terminal.parties import mask
from switch.errors import OperatingError
from switch.masked import Masked

APPLICATION_ID: Final = "F0424153484741480001"
"""The loyalty application's name on the chip: F for "registered by nobody", BASHGAH, version 1."""

ATC_MAX: Final = 0xFFFF
"""The counter has two bytes; a card that has used them all makes no cryptogram any more."""

Counter = Annotated[int, Meta(ge=0, le=ATC_MAX)]


class PersonalisationError(OperatingError):
    """The file is missing, open to others, or no personalisation; the text names it, not its
    content."""


Bitmap = Annotated[str, Meta(pattern="^[0-9A-F]{4}$")]
ChipTrack2 = Annotated[str, Meta(pattern="^[0-9]{12,19}D[0-9]{7,}$", max_length=37)]
DoubleKey = Annotated[str, Meta(pattern="^[0-9A-F]{32}$")]


class StripeMode(Masked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a contactless card needs for stripe mode, as `stripe_mode` reads it from its records.

    `track2` (tag 9F6B) has zeros where its digits change. `icc_cvc3_key` is the card's key for
    codes, derived from the issuer's by EMV option A with sequence number 00, which the track
    cannot tell.
    """

    track2: ChipTrack2
    icc_cvc3_key: DoubleKey
    pcvc3_track2: Bitmap = "1F00"
    punatc_track2: Bitmap = "00FE"
    natc_track2: Annotated[int, Meta(ge=1, le=5)] = 3

    def shown(self) -> str:
        """Show nothing but places."""
        return f"{self.pcvc3_track2} {self.punatc_track2} {self.natc_track2}"


class Personalisation(Masked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chip card's data.

    `track2` is the chip's own (tag 57): PAN, D, YYMM, service code, and discretionary data with the
    iCVV, the card verification value made with service code 999 so that a stripe copied from the
    chip's data does not pass. `icc_master_key` is the card's key for application cryptograms, 16
    bytes as hex, derived from the issuer's by EMV option A; `key_index` names the issuer's key
    it was derived from. `atc` is the last counter used, `atc_online` the last one the issuer
    has answered.
    """

    format_version: Literal[1] = 1
    application_id: Annotated[str, Meta(pattern="^F([0-9A-F]{2}){4,15}[0-9A-F]$")] = APPLICATION_ID
    label: Annotated[str, Meta(pattern="^[ -~]{1,16}$")] = "BASHGAH CLUB"
    pan: Annotated[str, Meta(pattern="^[0-9]{12,19}$")]
    sequence_number: Annotated[str, Meta(pattern="^[0-9]{2}$")]
    expiry: Annotated[str, Meta(pattern="^[0-9]{2}(0[1-9]|1[0-2])$")]
    name: Annotated[str, Meta(pattern="^[ -~]{2,26}$")]
    service_code: Annotated[str, Meta(pattern="^[0-9]{3}$")]
    track2: ChipTrack2
    icc_master_key: DoubleKey
    key_index: Annotated[int, Meta(ge=0, le=0xFF)] = 1
    atc: Counter = 0
    atc_online: Counter = 0
    stripe_mode: StripeMode | None = None

    def shown(self) -> str:
        """Show first six and last four digits only."""
        return mask(self.pan)


class PersonalisationFile:
    """One card's file. Two processes may use the card at once: each change holds its lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Personalisation:
        """Give the card's data as they are now. Raises PersonalisationError."""
        try:
            with open(self._path, "rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise PersonalisationError(f"{self._path} is open to others: chmod 600 it")
                return _checked(file.read())
        except OSError as error:
            raise PersonalisationError(f"{self._path}: {error.strerror}") from None
        except msgspec.MsgspecError as error:
            raise PersonalisationError(f"{self._path}: {error}") from None

    def take_atc(self) -> int | None:
        """Give the next counter, already written down; nothing when all were used.

        Raises PersonalisationError, OSError.
        """
        with self._locked():
            known = self.read()
            if known.atc == ATC_MAX:
                return None
            self._replace(msgspec.structs.replace(known, atc=known.atc + 1))
        return known.atc + 1

    def mark_online(self, atc: int) -> None:
        """Write down that the issuer has answered this counter's cryptogram."""
        with self._locked():
            known = self.read()
            self._replace(msgspec.structs.replace(known, atc_online=max(atc, known.atc_online)))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _replace(self, known: Personalisation) -> None:
        """Replace the file in one step: a card torn out of its slot has the old counter or the
        new."""
        written = Path(f"{self._path}.new")
        written.unlink(missing_ok=True)
        _write(written, known)
        os.replace(written, self._path)


def write_new(path: Path, card: Personalisation) -> None:
    """Write a new card's file, mode 0600. Raises PersonalisationError, FileExistsError.

    A file that is there is never written over: its card's counter would begin again.
    """
    try:
        _checked(msgspec.json.encode(card))
    except msgspec.MsgspecError as error:
        raise PersonalisationError(f"{path}: {error}") from None
    _write(path, card)


def _checked(content: bytes) -> Personalisation:
    """Give the card of a file's content. Raises msgspec.MsgspecError, without the values."""
    card = msgspec.json.decode(content, type=Personalisation)
    tracks = [card.track2, *([card.stripe_mode.track2] if card.stripe_mode else [])]
    identity = f"{card.pan}D{card.expiry}{card.service_code}"
    if not all(track.startswith(identity) for track in tracks):
        raise msgspec.ValidationError("track2 is not of this pan, expiry and service_code")
    return card


def _write(path: Path, card: Personalisation) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
