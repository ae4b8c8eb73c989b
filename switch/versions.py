"""What becomes of a programme's versions: drafted, checked, approved, announced, live, retired.

Owns the order of these steps and who may take which; `switch.directory` asks before it lets an
event take effect. Must not know a clock, a text or what a plan is: dates and findings come in with
the events. A step that may not be taken changes nothing.

One version of a programme is under way at a time. The one that goes live is the one that was
approved, to the byte: every step after the draft names the digest of its definition.
"""

import hashlib
import hmac
from typing import Literal

import msgspec

from switch.events import (
    ProgrammeAnnounced,
    ProgrammeApproved,
    ProgrammeChecked,
    ProgrammeDrafted,
    ProgrammeLive,
    ProgrammeRetired,
)
from switch.programme import Programme

State = Literal["draft", "checked", "approved", "announced", "live", "retired"]
UNDER_WAY: tuple[State, ...] = ("draft", "checked", "approved", "announced")
DAY_SECONDS = 86_400

_ENCODER = msgspec.json.Encoder()


class VersionError(ValueError):
    """A step that a version may not take; the text says why."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Who had a version reach a state, and when (Unix second)."""

    state: State
    by: str
    at_s: int


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version with all that has been done to it, in order; the last step says what it is now.

    `over`: the version that was live when it was checked; 0 = none was. `notice_days`: how long
    before it goes live it has to be announced. `live_at_s`: when that is, once it is announced.
    """

    definition: Programme
    steps: tuple[Step, ...]
    over: int = 0
    notice_days: int = 0
    live_at_s: int = 0
    text_en: str = ""
    text_fa: str = ""

    @property
    def state(self) -> State:
        """What it is now."""
        return self.steps[-1].state

    def by(self, state: State) -> str:
        """Give who had it reach a state; "" when it did not."""
        return next((step.by for step in self.steps if step.state == state), "")


class Versions:
    """All versions of a shard's programmes."""

    def __init__(self, found: tuple[Version, ...] = ()) -> None:
        self._by_number: dict[tuple[int, int], Version] = {
            (version.definition.programme, version.definition.version): version for version in found
        }

    def all(self) -> tuple[Version, ...]:
        """Give every version, in the order in which they became known."""
        return tuple(self._by_number.values())

    def of(self, programme: int) -> tuple[Version, ...]:
        """Give a programme's versions, in that order."""
        return tuple(found for found in self.all() if found.definition.programme == programme)

    def get(self, programme: int, version: int) -> Version:
        """Give one. Raises VersionError."""
        found = self._by_number.get((programme, version))
        if found is None:
            raise VersionError(f"programme {programme} has no version {version}")
        return found

    def live(self, programme: int) -> Version | None:
        """Give the version that decides; None when there is none, or it was retired."""
        return next((one for one in self.of(programme) if one.state == "live"), None)

    def that_decided(self, programme: int) -> list[Programme]:
        """Give what is live and what was: somebody may owe by the terms of each."""
        return [
            one.definition
            for one in self.of(programme)
            if any(step.state == "live" for step in one.steps)
        ]

    def under_way(self, programme: int) -> Version | None:
        """Give the version that is on its way to being live."""
        return next((one for one in self.of(programme) if one.state in UNDER_WAY), None)

    def due(self, now_s: int) -> tuple[Programme, ...]:
        """Give what has been announced for now or before."""
        return tuple(
            one.definition
            for one in self.all()
            if one.state == "announced" and one.live_at_s <= now_s
        )

    # --- steps ------------------------------------------------------------------------------------

    def draft(self, event: ProgrammeDrafted) -> None:
        """Take a definition in. Raises VersionError."""
        definition = event.definition
        known = self.of(definition.programme)
        pending = self.under_way(definition.programme)
        if pending is not None:
            raise VersionError(
                f"programme {definition.programme}: version {pending.definition.version}"
                f" is under way ({pending.state}): let it go live, or retire it"
            )
        newest = max((one.definition.version for one in known), default=0)
        if definition.version <= newest:
            raise VersionError(
                f"programme {definition.programme}: version {newest} was there before; a number"
                " names one definition for ever"
            )
        self._put(Version(definition=definition, steps=(_step("draft", event),)))

    def check(self, event: ProgrammeChecked) -> None:
        """Note that its checks have found nothing. Raises VersionError."""
        found = self._expect(event, "draft", "checked", "approved")
        live = self.live(event.programme)
        if event.over != (0 if live is None else live.definition.version):
            raise VersionError("it was compared with a version that is not the live one")
        self._reach("checked", found, event, over=event.over, notice_days=event.notice_days)

    def approve(self, event: ProgrammeApproved) -> None:
        """Note that a second person wants it. Raises VersionError."""
        found = self._expect(event, "checked")
        if event.by.casefold() == found.by("draft").casefold():
            raise VersionError(f"{event.by} wrote it: somebody else has to approve it")
        self._reach("approved", found, event)

    def announce(self, event: ProgrammeAnnounced) -> None:
        """Note from when on it is to be live. Raises VersionError."""
        found = self._expect(event, "approved")
        live = self.live(event.programme)
        if found.over != (0 if live is None else live.definition.version):
            raise VersionError("another version is live now than when it was checked: check anew")
        if event.live_at_s < event.at_s + found.notice_days * DAY_SECONDS:
            raise VersionError(f"it has to be announced {found.notice_days} days before it is live")
        self._reach(
            "announced",
            found,
            event,
            live_at_s=event.live_at_s,
            text_en=event.text_en,
            text_fa=event.text_fa,
        )

    def expect_may_go_live(self, definition: Programme) -> None:
        """Raise VersionError for one that is not due, or is not what was approved.

        One that was never drafted may: so do the programmes of old journals, and of a new switch.
        """
        found = self._by_number.get((definition.programme, definition.version))
        if found is None:
            pending = self.under_way(definition.programme)
            if pending is not None:
                raise VersionError(f"version {pending.definition.version} is under way")
            return
        if found.state != "announced":
            raise VersionError(f"version {definition.version} is {found.state}, not announced")
        if digest_of(found.definition) != digest_of(definition):
            raise VersionError(f"version {definition.version} is not what was approved")

    def go_live(self, event: ProgrammeLive) -> None:
        """Have a version decide; the one before is retired. Raises VersionError."""
        definition = event.definition
        self.expect_may_go_live(definition)
        before = self.live(definition.programme)
        if before is not None:
            self._reach("retired", before, event)
        found = self._by_number.get((definition.programme, definition.version))
        if found is None:
            self._put(Version(definition=definition, steps=(_step("live", event),)))
        else:
            self._reach("live", found, event)

    def retire(self, event: ProgrammeRetired) -> bool:
        """End a version: says whether it was live. Raises VersionError."""
        found = self.get(event.programme, event.version)
        if found.state == "retired":
            raise VersionError(f"version {event.version} is retired already")
        self._reach("retired", found, event)
        return found.state == "live"

    # --- helpers ----------------------------------------------------------------------------------

    def _expect(
        self,
        event: ProgrammeChecked | ProgrammeApproved | ProgrammeAnnounced,
        *states: State,
    ) -> Version:
        found = self.get(event.programme, event.version)
        if found.state not in states:
            raise VersionError(
                f"programme {event.programme}: version {event.version} is {found.state},"
                f" not {' or '.join(states)}"
            )
        if not hmac.compare_digest(event.digest, digest_of(found.definition)):
            raise VersionError(f"version {event.version} is another definition than this one")
        return found

    def _reach(self, state: State, found: Version, event: "_Dated", **changes: object) -> None:
        steps = (*found.steps, _step(state, event))
        self._put(msgspec.structs.replace(found, steps=steps, **changes))

    def _put(self, version: Version) -> None:
        self._by_number[version.definition.programme, version.definition.version] = version


_Dated = (
    ProgrammeDrafted
    | ProgrammeChecked
    | ProgrammeApproved
    | ProgrammeAnnounced
    | ProgrammeLive
    | ProgrammeRetired
)


def _step(state: State, event: _Dated) -> Step:
    return Step(state=state, by=event.by, at_s=event.at_s)


def digest_of(definition: Programme) -> str:
    """Give the SHA-256 of what a definition says, in hexadecimal digits.

    What is left to its default is left out: a part that a later version of this software adds does
    not make another definition of one that was approved before.
    """
    return hashlib.sha256(_ENCODER.encode(_said(definition))).hexdigest()


def _said(value: object) -> object:
    """Give a definition's own words: structs as objects of the fields that are not as by default.

    The tag of a union (`type`) would be lost; definitions have none.
    """
    if isinstance(value, tuple):
        return [_said(one) for one in value]
    if not isinstance(value, msgspec.Struct):
        return value
    found = {field.name: getattr(value, field.name) for field in msgspec.structs.fields(value)}
    default = {field.name: field.default for field in msgspec.structs.fields(value)}
    return {name: _said(said) for name, said in found.items() if said != default[name]}
