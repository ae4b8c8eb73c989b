"""The self-test passes on our HSM, and sees what is wrong with another."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bashgah.hsm_selftest import count, own_hsm, report, run_selftest
from hsm_sim.hsm import Command, Hsm
from hsm_sim.lmk import VariantLmk
from hsm_sim.selftest import published
from hsm_sim.selftest_recipes import find
from switch.errors import OperatingError
from tests.support.hsm import played, published_hsm, served_hsm

ROOT = Path(__file__).parents[2]


def test_every_published_vector_has_a_recipe() -> None:
    assert [vector.name for vector in published() if find(vector)[1] is None] == []


@pytest.mark.slow
async def test_every_published_vector_comes_out_of_our_hsm() -> None:
    async with own_hsm() as address:
        outcomes = await run_selftest(address)

    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == len(published())
    # What is computed in this process has a reason why.
    assert all(outcome.over_the_wire or outcome.why for outcome in outcomes)


@pytest.mark.slow
async def test_a_command_that_answers_wrongly_fails_its_vectors() -> None:
    wrong = Command("BU", "check value of another key", lambda *_: b"0123456789ABCDEF")
    async with served_hsm(published_hsm(wrong)) as (_, address):
        outcomes = await run_selftest(address)

    failed = {outcome.group for outcome in outcomes if not outcome.passed}
    assert {"check values", "DES and TDES"} <= failed
    assert any(line.startswith("FAILED kcv-") for line in report(outcomes))


async def test_an_hsm_without_the_published_lmks_is_not_tested() -> None:
    lmks = {0: VariantLmk.published_test_set()}
    async with served_hsm(Hsm(lmks, published_hsm().commands)) as (_, address):
        with pytest.raises(OperatingError, match="no LMK test"):
            await run_selftest(address)


@pytest.mark.slow
def test_no_vector_passes_when_something_else_is_published() -> None:
    # A recipe that compares a thing with itself would pass.
    hsm = published_hsm()
    hsm.authorised = True
    passed = []
    for vector in filter(lambda vector: vector.checked, published()):
        wrong = msgspec.structs.replace(vector, expected=altered(vector.expected))
        compared, _ = played(hsm, wrong)
        if compared is not None and compared.right:
            passed.append(vector.name)

    assert passed == []


def altered(expected: str) -> str:
    """Give another value of the same form. The last digit of a TDES key is parity: the first."""
    return ("1" if expected[0] == "0" else "0") + expected[1:]


@pytest.mark.slow
def test_the_command_prints_the_table_and_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bashgah", "hsm", "selftest"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    last = next(line for line in done.stdout.splitlines() if line.startswith("all "))
    assert last.split()[-1] == "0"
    assert sum(map(int, last.split()[1:3])) == len(published())


def test_groups_are_counted_in_their_order() -> None:
    assert count([]) == []
