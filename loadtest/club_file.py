"""What a club has declared, from a TOML file: for the books of a switch whose code is not at hand.

Owns the form of the file and its reading. Whoever has the programme as a value needs no file: the
model takes `loadtest.tariff.Club` either way.
"""

import tomllib
from pathlib import Path

import msgspec

from loadtest.tariff import Club
from switch.errors import OperatingError
from switch.programme import Programme
from switch.rules import DiscountRule, EarnRule, Tender

CLUBS = Path(__file__).parent / "clubs"


class ClubFileError(OperatingError):
    """A file that is no club's; the text names it and the place in it."""


class ClubFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. Rules are as in `switch.programme`; the first that holds counts.

    `programme`: the number of the one whose cards pay by these rules.
    `categories`: each merchant (DE 42, 15 characters) and its merchant category code.
    """

    club: int
    programme: int = 1
    categories: dict[str, int]
    discounts: tuple[DiscountRule, ...] = ()
    earning: tuple[EarnRule, ...] = ()
    tender: Tender | None = None
    commission_bps: int = 0


def load_club(name: str) -> Club:
    """Read a club that ships, or a file. Raises `ClubFileError`."""
    path = Path(name) if name.endswith(".toml") else CLUBS / f"{name}.toml"
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), ClubFile)
        programme = Programme(
            programme=file.programme,
            version=0,
            club=file.club,
            name="",
            name_fa="",
            operations=(),
            discounts=file.discounts,
            earning=file.earning,
            tender=file.tender,
            commission_bps=file.commission_bps,
        )
    except OSError as error:
        raise ClubFileError(f"club {path}: {error.strerror}") from None
    except ValueError as error:
        raise ClubFileError(f"club {path}: {error}") from None
    return Club(programme=programme, categories=file.categories)
