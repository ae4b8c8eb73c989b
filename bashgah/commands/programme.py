"""`bashgah programme`: a programme's versions at a running switch, from draft to retired.

Owns the options and what is printed. Each step is taken in every shard that has not taken it, so a
command that was cut off is simply given again.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from acquirers.pos import POS_BINARY
from bashgah.commands.operator_options import CONFIG, By, ConfigPath, Why, open_shards
from bashgah.commands.programme_replay import replay_command
from bashgah.control_client import Shards
from bashgah.programme_files import read_day, read_definition, write_definition
from issuers.loops import find_loop
from issuers.pricings import PRICINGS
from switch.config import Config
from switch.errors import OperatingError
from switch.events import (
    Event,
    ProgrammeAnnounced,
    ProgrammeApproved,
    ProgrammeChecked,
    ProgrammeDrafted,
    ProgrammeRetired,
)
from switch.iso8583 import named
from switch.notices import notice_days
from switch.programme import Programme
from switch.programme_checks import findings
from switch.programme_promises import takes_away
from switch.programme_text import announcement, difference, how_it_works
from switch.programme_words import MerchantNames
from switch.versions import Version, digest_of

app = typer.Typer(no_args_is_help=True, help="Change what a programme says, step by step.")

Number = Annotated[int, typer.Argument(metavar="PROGRAMME", help="The programme's number.")]


app.command("replay")(replay_command)


class Seen:
    """A programme as the first shard has it; the others follow it."""

    def __init__(self, shards: Shards, programme: int) -> None:
        found = shards.find_programmes(shards.numbers[0], programme)
        self.programme = programme
        self.versions = found.versions
        self.names: MerchantNames = found.merchants

    def live(self) -> Programme | None:
        return next((one.definition for one in self.versions if one.state == "live"), None)

    def numbered(self, version: int) -> Version:
        """Give a version. Raises OperatingError."""
        for one in self.versions:
            if one.definition.version == version:
                return one
        raise OperatingError(f"programme {self.programme} has no version {version}")

    def newest(self, *states: str) -> Version:
        """Give the newest version in one of these states. Raises OperatingError."""
        for one in reversed(self.versions):
            if one.state in states:
                return one
        raise OperatingError(f"no version is {' or '.join(states)}")


@app.command("draft")
def draft_command(
    source: Annotated[str, typer.Argument(help="A .toml or .json file, or module:function.")],
    programme: Annotated[int, typer.Option(help="For a function: the number.")] = 1,
    version: Annotated[int, typer.Option(help="For a function: the version.")] = 1,
    club: Annotated[int, typer.Option(help="For a function: the club.")] = 1,
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Propose a version.

    Example: bashgah programme draft issuers.purse:purse --version 2 -c bashgah.toml
    """
    definition = read_definition(source, programme=programme, version=version, club=club)
    _, shards = open_shards(config, by)
    with shards:
        event = ProgrammeDrafted(definition=definition, by=shards.by, at_s=int(time.time()))
        _take(shards, definition, event, "draft")


@app.command("check")
def check_command(programme: Number, by: By = "", config: ConfigPath = CONFIG) -> None:
    """Look for what speaks against a draft; what is found is printed, and the answer is no."""
    _, shards = open_shards(config, by)
    with shards:
        seen = Seen(shards, programme)
        definition = seen.newest("draft", "checked").definition
        live = seen.live()
        _expect_sound(definition, live, _others(shards))
        days = notice_days(definition, live)
        for taken in () if live is None else takes_away(live, definition):
            typer.echo(f"takes away: {taken}")
        typer.echo(f"notice: {days} days")
        event = ProgrammeChecked(
            programme=programme,
            version=definition.version,
            digest=digest_of(definition),
            over=0 if live is None else live.version,
            notice_days=days,
            by=shards.by,
            at_s=int(time.time()),
        )
        _take(shards, definition, event, "checked")


@app.command("approve")
def approve_command(programme: Number, by: By = "", config: ConfigPath = CONFIG) -> None:
    """Want a version that somebody else wrote; its checks are made once more."""
    _, shards = open_shards(config, by)
    with shards:
        seen = Seen(shards, programme)
        definition = seen.newest("checked", "approved").definition
        _expect_sound(definition, seen.live(), _others(shards))
        event = ProgrammeApproved(
            programme=programme,
            version=definition.version,
            digest=digest_of(definition),
            by=shards.by,
            at_s=int(time.time()),
        )
        _take(shards, definition, event, "approved")


@app.command("announce")
def announce_command(
    programme: Number,
    on: Annotated[str, typer.Option(help="The day: 1405/03/01 or 2026-05-22.")],
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Tell members from which day on a version is live; then it goes live by itself."""
    loaded, shards = open_shards(config, by)
    day = read_day(on)
    with shards:
        seen = Seen(shards, programme)
        definition = seen.newest("approved", "announced").definition
        text = announcement(seen.live(), definition, day, seen.names)
        event = ProgrammeAnnounced(
            programme=programme,
            version=definition.version,
            digest=digest_of(definition),
            live_day=day,
            live_at_s=day_begins_s(day, loaded),
            text_en=text.en,
            text_fa=text.fa,
            by=shards.by,
            at_s=int(time.time()),
        )
        _take(shards, definition, event, "announced")
        typer.echo(f"{text.fa}\n\n{text.en}")


@app.command("retire")
def retire_command(
    programme: Number,
    version: Annotated[int, typer.Option(help="Which one; else the live one.")] = 0,
    why: Why = "",
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """End a version: the live one's cards buy nothing any more; another never goes live."""
    _, shards = open_shards(config, by)
    with shards:
        seen = Seen(shards, programme)
        one = seen.numbered(version) if version else seen.newest("live", "retired")
        event = ProgrammeRetired(
            programme=programme,
            version=one.definition.version,
            by=shards.by,
            at_s=int(time.time()),
            why=why,
        )
        _take(shards, one.definition, event, "retired")


@app.command("status")
def status_command(
    programme: Annotated[int, typer.Argument(help="Its number; 0 = all.")] = 0,
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Show the versions, with who did what when."""
    loaded, shards = open_shards(config, by)
    zone = ZoneInfo(loaded.switch.timezone)
    with shards:
        for one in Seen(shards, programme).versions:
            definition = one.definition
            live = f", live from {_at(one.live_at_s, zone)}" if one.live_at_s else ""
            name = f"programme {definition.programme} version {definition.version}"
            typer.echo(f"{name} ({definition.name}): {one.state}{live}")
            for step in one.steps:
                typer.echo(f"  {step.state:<9}  {_at(step.at_s, zone)}  {step.by or 'the clock'}")


@app.command("diff")
def diff_command(programme: Number, by: By = "", config: ConfigPath = CONFIG) -> None:
    """Say what the version that is under way changes, in Persian and English."""
    _, shards = open_shards(config, by)
    with shards:
        seen = Seen(shards, programme)
        new = seen.newest("draft", "checked", "approved", "announced").definition
        for line in difference(seen.live(), new, seen.names):
            typer.echo(f"{line.fa}\n{line.en}\n")


@app.command("text")
def text_command(programme: Number, by: By = "", config: ConfigPath = CONFIG) -> None:
    """Say how the live version works, in Persian and English."""
    _, shards = open_shards(config, by)
    with shards:
        seen = Seen(shards, programme)
        for line in how_it_works(seen.newest("live").definition, seen.names):
            typer.echo(f"{line.fa}\n{line.en}\n")


@app.command("export")
def export_command(
    programme: Number,
    version: Annotated[int, typer.Option(help="As it is; else the live one, as the next.")] = 0,
    by: By = "",
    config: ConfigPath = CONFIG,
) -> None:
    """Print a definition as TOML: to change, and then to `draft` or `replay`."""
    _, shards = open_shards(config, by)
    with shards:
        seen = Seen(shards, programme)
        if version:
            definition = seen.numbered(version).definition
        else:
            following = 1 + max((one.definition.version for one in seen.versions), default=0)
            definition = msgspec.structs.replace(seen.newest("live").definition, version=following)
        typer.echo(write_definition(definition), nl=False)


# --- helpers --------------------------------------------------------------------------------------


def day_begins_s(day: int, config: Config) -> int:
    """Give the Unix second with which a day begins where the switch is."""
    local = date(1970, 1, 1) + timedelta(days=day)
    zone = ZoneInfo(config.switch.timezone)
    return int(datetime(local.year, local.month, local.day, tzinfo=zone).timestamp())


def _at(at_s: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC).astimezone(zone):%Y-%m-%d %H:%M}"


def _others(shards: Shards) -> Callable[[int], Programme | None]:
    """Give the live definitions of other programmes, which referrals reward."""
    everything = shards.find_programmes(shards.numbers[0]).versions
    live = {one.definition.programme: one.definition for one in everything if one.state == "live"}
    return live.get


def _expect_sound(
    definition: Programme, live: Programme | None, other: Callable[[int], Programme | None]
) -> None:
    """Print what speaks against a version, and end with the answer no."""
    found = findings(definition, live)
    typer.echo("data: " + ("sound" if not found else f"{len(found)} findings"))
    linked = None
    if definition.referral is not None:
        linked = other(definition.referral.programme)
    if not found:
        profile, spec = POS_BINARY, named(POS_BINARY.spec)
        loop = find_loop(definition, profile=profile, spec=spec, linked=linked, pricings=PRICINGS)
        typer.echo(f"loops: {loop.tried:,} sequences run")
        if loop.steps:
            found.append(loop.said())
    _say_no(found)


def _say_no(found: Iterable[str]) -> None:
    lines = list(found)
    for line in lines:
        typer.echo(f"refused: {line}")
    if lines:
        raise typer.Exit(1)


def _take(shards: Shards, definition: Programme, event: Event, state: str) -> None:
    """Take a step in every shard where it has not been taken. Raises OperatingError."""
    programme, version = definition.programme, definition.version
    troubles = []
    for shard in shards.numbers:
        known = shards.find_programmes(shard, programme).versions
        at = next((one for one in known if one.definition.version == version), None)
        if at is not None and at.definition == definition and at.state == state:
            typer.echo(f"shard {shard}: it is {state} already")
            continue
        try:
            seq = shards.record(shard, event)
        except OperatingError as error:
            troubles.append(str(error))
            continue
        typer.echo(f"shard {shard}: version {version} is {state}, row {seq}")
    if troubles:
        raise OperatingError("; ".join(troubles))
