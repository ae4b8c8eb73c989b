"""Ceremonies: what takes two people does not happen with one, and all of it is written down."""

from pathlib import Path

import pytest

from hsm_sim import custodians as custodian_files
from hsm_sim._keys import Key
from hsm_sim.audit import AuditTrail, verify_audit
from hsm_sim.ceremony import AuthorisedState, Gathering, KeyCeremony, short_check
from hsm_sim.custodians import Custodians
from hsm_sim.errors import Unusable
from hsm_sim.lmk import KeyBlockLmk

SECONDS = 1_000_000_000
PASSPHRASES = {name: f"{name} likes long words" for name in ("ann", "bob", "cyd")}


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * SECONDS

    def __call__(self) -> int:
        return self.now_ns


class Room:
    """Where a ceremony is held: three custodians and a trail."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.path = path
        self.trail = AuditTrail(path / "audit.jsonl", self.clock)
        self.custodians = Custodians(path / "custodians.json")
        for name, passphrase in PASSPHRASES.items():
            self.custodians.add(name, passphrase)

    def gathering(self, *names: str) -> Gathering:
        gathering = Gathering("authorise", self.custodians, self.trail)
        for name in names:
            gathering.join(name, PASSPHRASES[name])
        return gathering

    def ceremony(self, algorithm: int = 1, length: int = 32) -> KeyCeremony:
        gathering = Gathering("lmk form", self.custodians, self.trail)
        return KeyCeremony(gathering, algorithm, length)

    def trail_text(self) -> str:
        assert verify_audit(self.path / "audit.jsonl").difference is None
        return (self.path / "audit.jsonl").read_text()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(custodian_files, "COST", 2)  # scrypt, but quick
    return Room(tmp_path)


def test_two_custodians_form_a_key(room: Room) -> None:
    one, two = bytes(range(32)), bytes(range(100, 132))
    ceremony = room.ceremony()

    value = ceremony.add("ann", PASSPHRASES["ann"], Key.of(1, one))
    ceremony.add("bob", PASSPHRASES["bob"], Key.of(1, two))
    key = ceremony.finish()

    wanted = Key.of(1, bytes(a ^ b for a, b in zip(one, two, strict=True)))
    assert key.same_as(wanted)
    assert value == short_check(Key.of(1, one))
    assert f'"check_value":"{short_check(key)}"' in room.trail_text()


def test_a_tdes_key_of_three_components_has_odd_parity(room: Room) -> None:
    ceremony = room.ceremony(0, 16)

    for name, passphrase in PASSPHRASES.items():
        ceremony.add(name, passphrase, Key.random(0, 16))

    assert ceremony.finish().has_odd_parity()


def test_one_custodian_cannot_finish(room: Room) -> None:
    ceremony = room.ceremony()
    ceremony.add("ann", PASSPHRASES["ann"], Key.random(1, 32))

    with pytest.raises(Unusable, match="2 custodians are needed"):
        ceremony.finish()

    assert "refused: 2 custodians are needed" in room.trail_text()


def test_the_same_custodian_twice_is_refused(room: Room) -> None:
    ceremony = room.ceremony()
    ceremony.add("ann", PASSPHRASES["ann"], Key.random(1, 32))

    with pytest.raises(Unusable, match="the same custodian twice"):
        ceremony.add("ann", PASSPHRASES["ann"], Key.random(1, 32))
    with pytest.raises(Unusable, match="2 custodians are needed"):
        ceremony.finish()

    assert "refused: the same custodian twice" in room.trail_text()


@pytest.mark.parametrize(("name", "passphrase"), [("ann", "another one"), ("eve", ""), ("", "")])
def test_who_does_not_prove_who_they_are_is_refused(room: Room, name: str, passphrase: str) -> None:
    with pytest.raises(Unusable, match="no such custodian"):
        room.ceremony().add(name, passphrase, Key.random(1, 32))

    assert "refused: no such custodian" in room.trail_text()


@pytest.mark.parametrize(
    ("component", "check", "why"),
    [
        (Key.of(1, bytes(32)), None, "adds nothing"),
        (Key.random(1, 16), None, "another length"),
        (Key.random(0, 16), None, "another length"),
        (Key.random(1, 32), "000000", "another check value"),
    ],
)
def test_a_component_that_does_not_fit_is_refused_and_may_be_given_anew(
    room: Room, component: Key, check: str | None, why: str
) -> None:
    ceremony = room.ceremony()

    with pytest.raises(Unusable, match=why):
        ceremony.add("ann", PASSPHRASES["ann"], component, check)

    right = Key.random(1, 32)
    ceremony.add("ann", PASSPHRASES["ann"], right, short_check(right))


def test_the_same_component_twice_is_refused(room: Room) -> None:
    ceremony, component = room.ceremony(), Key.random(1, 32)
    ceremony.add("ann", PASSPHRASES["ann"], component)

    with pytest.raises(Unusable, match="adds nothing"):
        ceremony.add("bob", PASSPHRASES["bob"], component)


def test_components_that_give_a_weak_key_are_refused(room: Room) -> None:
    ceremony = room.ceremony(0, 16)
    one = bytes(range(16))
    ceremony.add("ann", PASSPHRASES["ann"], Key.of(0, one))
    ceremony.add("bob", PASSPHRASES["bob"], Key.of(0, bytes(b ^ 0x5A for b in one)))

    with pytest.raises(Unusable, match="weak key"):
        ceremony.finish()


def test_the_trail_shows_no_secret(room: Room) -> None:
    ceremony = room.ceremony()
    secrets = [bytes(range(n, n + 32)) for n in (1, 77)]
    for name, secret in zip(("ann", "bob"), secrets, strict=True):
        ceremony.add(name, PASSPHRASES[name], Key.of(1, secret))
    ceremony.finish()

    text = room.trail_text().upper()

    shown = [*PASSPHRASES.values(), *(secret.hex() for secret in secrets)]
    shown.append(bytes(a ^ b for a, b in zip(*secrets, strict=True)).hex())
    assert [secret for secret in shown if secret.upper() in text] == []


# --- authorised state -----------------------------------------------------------------------------


def state(room: Room, lmk: KeyBlockLmk | None = None) -> AuthorisedState:
    lmk = lmk or KeyBlockLmk.published_test_key()
    return AuthorisedState(room.path / "authorised.json", lmk, room.clock)


def test_two_custodians_authorise_for_a_while(room: Room) -> None:
    authorised = state(room)
    assert not authorised.holds()

    authorised.begin(room.gathering("ann", "bob"), 60)

    assert authorised.holds()
    assert state(room).holds()
    room.clock.now_ns += 60 * SECONDS
    assert not authorised.holds()
    assert '"result":"authorised"' in room.trail_text()


def test_one_custodian_cannot_authorise(room: Room) -> None:
    with pytest.raises(Unusable, match="2 custodians"):
        state(room).begin(room.gathering("ann"), 60)

    assert not state(room).holds()


@pytest.mark.parametrize("duration_seconds", [0, 12 * 3600 + 1])
def test_nobody_authorises_for_ever(room: Room, duration_seconds: int) -> None:
    with pytest.raises(Unusable, match="at most"):
        state(room).begin(room.gathering("ann", "bob"), duration_seconds)


def test_a_clock_that_goes_back_does_not_prolong_it(room: Room) -> None:
    authorised = state(room)
    authorised.begin(room.gathering("ann", "bob"), 60)

    room.clock.now_ns -= 1

    assert not authorised.holds()


def test_one_person_ends_it(room: Room) -> None:
    authorised = state(room)
    authorised.begin(room.gathering("ann", "bob"), 60)

    authorised.end("cyd", room.trail)

    assert not authorised.holds()
    assert '"result":"ended"' in room.trail_text()


def test_a_state_that_was_written_by_hand_does_not_hold(room: Room) -> None:
    authorised = state(room)
    authorised.begin(room.gathering("ann", "bob"), 60)
    path = room.path / "authorised.json"
    text = path.read_bytes()

    for forged in (text.replace(b'"until_ns":1', b'"until_ns":2'), b"{}", b"{", b'{"who":"\xff'):
        path.write_bytes(forged)
        assert not authorised.holds()
    path.write_bytes(text)
    assert not state(room, KeyBlockLmk(Key.random(1, 32))).holds()
    assert authorised.holds()


# --- custodians -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "passphrase"),
    [("ann", "long enough for it"), ("dan", "short"), ("", "long enough for it")],
)
def test_a_custodian_needs_a_free_name_and_a_long_passphrase(
    room: Room, name: str, passphrase: str
) -> None:
    with pytest.raises(Unusable):
        room.custodians.add(name, passphrase)

    assert room.custodians.names() == ("ann", "bob", "cyd")


def test_the_file_of_custodians_holds_no_passphrase(room: Room) -> None:
    text = (room.path / "custodians.json").read_text()

    assert [phrase for phrase in PASSPHRASES.values() if phrase in text] == []
    (room.path / "custodians.json").chmod(0o640)
    with pytest.raises(Unusable, match="must be 0600"):
        room.custodians.knows("ann", PASSPHRASES["ann"])


def test_a_file_of_custodians_that_is_rubbish_is_told(room: Room) -> None:
    (room.path / "custodians.json").write_text("[]")

    with pytest.raises(Unusable, match="not a file of custodians"):
        room.custodians.names()


@pytest.mark.slow
def test_a_custodian_is_known_by_the_whole_passphrase(tmp_path: Path) -> None:
    custodians = Custodians(tmp_path / "custodians.json")
    custodians.add("ann", PASSPHRASES["ann"])

    assert custodians.knows("ann", PASSPHRASES["ann"])
    assert not custodians.knows("ann", PASSPHRASES["bob"])
