"""The self-test of an HSM: every published vector over the wire, and what came of it.

Owns the running: it finds the published LMKs on the HSM, plays each recipe against a session, and
counts. Must not know any vector; those and their recipes are `hsm_sim.selftest`'s.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import trio

from bashgah.hsm_server import HsmOptions, make_hsm
from hsm_sim.hsm import Lmk
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from hsm_sim.lmk_files import TEST, VARIANT_TEST
from hsm_sim.selftest import Compared, Lmks, Unfit, Vector, published
from hsm_sim.selftest_recipes import find
from hsm_sim.server import HsmServer, listen, port_of
from switch.errors import OperatingError
from switch.hsm_client import HsmAddress, HsmSession, open_hsm

LMK_NUMBERS = 20


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one vector ended. `why` says it of a failure, and of what no command shows."""

    group: str
    name: str
    over_the_wire: bool
    passed: bool
    why: str = ""


class GroupCount(msgspec.Struct, kw_only=True):
    """What came of a group."""

    group: str
    over_the_wire: int = 0
    in_process: int = 0
    failed: int = 0


@asynccontextmanager
async def own_hsm() -> AsyncIterator[HsmAddress]:
    """Serve an HSM with both published LMKs, on a free port of loopback, as long as needed.

    It is in the authorised state: some of what was published is only allowed then.
    """
    hsm = make_hsm(HsmOptions(lmks=(VARIANT_TEST, TEST)))
    hsm.authorised = True
    server = HsmServer(hsm)
    listeners = await listen("127.0.0.1", 0)
    failure: OperatingError | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, listeners)
        try:
            yield HsmAddress(host="127.0.0.1", port=port_of(listeners[0]))
        except OperatingError as error:
            failure = error  # the nursery would wrap it in a group
        server.stop()
    if failure is not None:
        raise failure


async def run_selftest(address: HsmAddress) -> list[Outcome]:
    """Show every vector. Raises OperatingError when the HSM is away or has not the LMKs."""
    async with open_hsm(address) as session:
        lmks = await find_lmks(session)
        return [await run_vector(session, lmks, vector) for vector in published()]


async def find_lmks(session: HsmSession) -> Lmks:
    """Find both published LMKs by their check values."""
    wanted: tuple[Lmk, ...] = (VariantLmk.published_test_set(), KeyBlockLmk.published_test_key())
    numbers: dict[str, int] = {}
    for number in range(LMK_NUMBERS):
        response = await session.command(b"NC%%%02d" % number)
        if response[2:4] == b"00":
            numbers.setdefault(response[4:20].decode("ascii"), number)
    for lmk, name in zip(wanted, (VARIANT_TEST, TEST), strict=True):
        if lmk.check_value not in numbers:
            raise OperatingError(f"the HSM has no LMK {name}: the self-test cannot seal its keys")
    return Lmks(*(numbers[lmk.check_value] for lmk in wanted))


async def run_vector(session: HsmSession, lmks: Lmks, vector: Vector) -> Outcome:
    """Show one vector. What is secret in it is public; nothing else is in the outcome."""
    group, recipe = find(vector)
    if recipe is None:
        return Outcome(
            group=group, name=vector.name, over_the_wire=False, passed=False, why="no recipe"
        )
    try:
        compared = await _play(session, lmks, vector)
    except (Unfit, ValueError) as error:
        return Outcome(
            group=group, name=vector.name, over_the_wire=True, passed=False, why=f"answer {error}"
        )
    why = compared.in_process
    if not compared.right:
        why = f"{compared.got}, not {compared.wanted}"
    return Outcome(
        group=group,
        name=vector.name,
        over_the_wire=not compared.in_process,
        passed=compared.right,
        why=why,
    )


async def _play(session: HsmSession, lmks: Lmks, vector: Vector) -> Compared:
    _, recipe = find(vector)
    assert recipe is not None
    playing = recipe(vector, lmks)
    try:
        command = next(playing)
        while True:
            command = playing.send(await session.command(command))
    except StopIteration as ended:
        compared: Compared = ended.value
        return compared


def count(outcomes: Sequence[Outcome]) -> list[GroupCount]:
    """Count by group, in the order in which groups first came."""
    groups: dict[str, GroupCount] = {}
    for outcome in outcomes:
        group = groups.setdefault(outcome.group, GroupCount(group=outcome.group))
        group.over_the_wire += outcome.over_the_wire
        group.in_process += not outcome.over_the_wire
        group.failed += not outcome.passed
    return list(groups.values())


def report(outcomes: Sequence[Outcome]) -> list[str]:
    """Write the table, then what no command shows, then what failed."""
    lines = [_row("group", "over the wire", "in process", "failed")]
    counts = count(outcomes)
    lines += [_row(g.group, g.over_the_wire, g.in_process, g.failed) for g in counts]
    wire, here, failed = (
        sum(getattr(g, name) for g in counts) for name in ("over_the_wire", "in_process", "failed")
    )
    lines += [_row("all", wire, here, failed), ""]
    reasons: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        if outcome.passed and outcome.why:
            key = (outcome.group, outcome.why)
            reasons[key] = reasons.get(key, 0) + 1
    lines += [f"in process: {n} of {group}: {why}" for (group, why), n in reasons.items()]
    lines += [f"FAILED {o.name}: {o.why}" for o in outcomes if not o.passed]
    return lines


def _row(group: str, *cells: object) -> str:
    return f"{group:24}" + "".join(f"{cell:>15}" for cell in cells)
