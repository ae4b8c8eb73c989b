"""What no single person may do: form a key from components, and authorise the HSM.

Owns the rule of two: each step is one custodian's, who proves it is they, and at least two
different ones have to take part. Every step, and every refusal, is on the audit trail. Components
are XORed in C memory; a component shows only its check value.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec

from hsm_sim._keys import Key
from hsm_sim._macs import check_value, cmac, equal
from hsm_sim.audit import AuditTrail
from hsm_sim.custodians import Custodians
from hsm_sim.errors import Unusable
from hsm_sim.lmk import KeyBlockLmk
from hsm_sim.private_files import NOT_JSON, read_private, write_private

CUSTODIANS_MIN = 2
CUSTODIANS_MAX = 9
CHECK_CHARACTERS = 6
AUTHORISED_FILE = "authorised.json"  # in the HSM's directory
AUTHORISED_SECONDS_MAX = 12 * 3600  # a shift
TDES = 0
_LABEL = b"authorised state"


def short_check(key: Key) -> str:
    """Give the check value that is read aloud: six characters."""
    return check_value(key).hex().upper()[:CHECK_CHARACTERS]


class Gathering:
    """Custodians who come together for one purpose; each proves who they are, once."""

    def __init__(self, purpose: str, custodians: Custodians, trail: AuditTrail) -> None:
        self.purpose = purpose
        self.present: list[str] = []
        self._custodians = custodians
        self._trail = trail

    def join(self, name: str, passphrase: str) -> None:
        """Take part. Raises Unusable for a wrong passphrase, and for who is here already."""
        if name in self.present:
            self.refuse([name], "the same custodian twice")
        if len(self.present) == CUSTODIANS_MAX:
            self.refuse([name], f"{CUSTODIANS_MAX} custodians at most")
        if not self._custodians.knows(name, passphrase):
            self.refuse([name], "no such custodian, or another passphrase")
        self.present.append(name)
        self.tell([name], "present")

    def finish(self, result: str, **details: str) -> None:
        """End it. Raises Unusable when fewer than two took part."""
        if len(self.present) < CUSTODIANS_MIN:
            self.refuse(self.present, f"{CUSTODIANS_MIN} custodians are needed")
        self.tell(self.present, result, **details)

    def tell(self, who: list[str], result: str, **details: str) -> None:
        """Write a line of the audit trail."""
        self._trail.add(who, self.purpose, result, details)

    def refuse(self, who: list[str], why: str) -> NoReturn:
        """Write that it was refused, and raise Unusable."""
        self.tell(who, f"refused: {why}")
        raise Unusable(f"{self.purpose}: {why}")


class KeyCeremony:
    """A key from components, each of them known to one custodian."""

    def __init__(self, gathering: Gathering, algorithm: int, length: int) -> None:
        self._gathering = gathering
        self._form = (algorithm, length)
        self._components: list[Key] = []

    def add(self, name: str, passphrase: str, component: Key, check: str | None = None) -> str:
        """Take one custodian's component and give its check value, which `check` must be.

        A component of zeros, or one that is here already, would leave the key to the others.
        """
        gathering = self._gathering
        gathering.join(name, passphrase)
        value = short_check(component)
        if (component.algorithm, component.length) != self._form:
            self._refuse(name, "a component of another length")
        if check is not None and check.upper() != value:
            self._refuse(name, "a component with another check value than was told")
        zero = Key.of(component.algorithm, bytes(component.length))
        if any(component.same_as(other) for other in (zero, *self._components)):
            self._refuse(name, "a component that adds nothing")
        self._components.append(component)
        gathering.tell([name], "component", check_value=value)
        return value

    def finish(self) -> Key:
        """Form the key. Raises Unusable for one custodian alone, and for a weak key."""
        gathering = self._gathering
        if len(self._components) < CUSTODIANS_MIN:
            gathering.refuse(gathering.present, f"{CUSTODIANS_MIN} custodians are needed")
        key = self._components[0]
        for component in self._components[1:]:
            key = key.combined(component)
        self._components.clear()
        if key.algorithm == TDES:
            key = key.with_odd_parity()
        if key.repeats() or key.same_as(Key.of(key.algorithm, bytes(key.length))):
            gathering.refuse(gathering.present, "components that give a weak key")
        gathering.finish("formed", check_value=short_check(key))
        return key

    def _refuse(self, name: str, why: str) -> NoReturn:
        """Refuse a component; its custodian may come back with another."""
        self._gathering.present.remove(name)
        self._gathering.refuse([name], why)


class Authorisation(msgspec.Struct, frozen=True, kw_only=True):
    """The authorised state, as in its file. `mac`: by a key of the LMK, over the rest."""

    since_ns: int
    until_ns: int
    who: tuple[str, ...]
    mac: bytes = b""


class AuthorisedState:
    """Whether the HSM may do what needs two: a file, so that a console can tell a server."""

    def __init__(self, path: Path, lmk: KeyBlockLmk, now_ns: Callable[[], int]) -> None:
        self._path = path
        self._key = lmk.derived(_LABEL)
        self._now_ns = now_ns

    def begin(self, gathering: Gathering, duration_seconds: int) -> int:
        """Authorise until the time that is given back. Raises Unusable without two custodians."""
        if not 0 < duration_seconds <= AUTHORISED_SECONDS_MAX:
            gathering.refuse(gathering.present, f"at most {AUTHORISED_SECONDS_MAX} s")
        since_ns = self._now_ns()
        until_ns = since_ns + duration_seconds * 1_000_000_000
        gathering.finish("authorised", until_ns=str(until_ns))
        said = Authorisation(since_ns=since_ns, until_ns=until_ns, who=tuple(gathering.present))
        said = msgspec.structs.replace(said, mac=self._mac(said))
        write_private(self._path, msgspec.json.encode(said))
        return until_ns

    def end(self, who: str, trail: AuditTrail) -> None:
        """End it at once; nobody has to agree to that."""
        self._path.unlink(missing_ok=True)
        trail.add([who], "authorise", "ended")

    def holds(self) -> bool:
        """Say whether it holds now: not before it began either, should the clock go back."""
        content = read_private(self._path)
        if content is None:
            return False
        try:
            said = msgspec.json.decode(content, type=Authorisation)
        except NOT_JSON:
            return False
        return (
            equal(said.mac, self._mac(said))
            and len(set(said.who)) >= CUSTODIANS_MIN
            and said.since_ns <= self._now_ns() < said.until_ns
        )

    def _mac(self, said: Authorisation) -> bytes:
        return cmac(self._key, msgspec.json.encode(msgspec.structs.replace(said, mac=b"")))
