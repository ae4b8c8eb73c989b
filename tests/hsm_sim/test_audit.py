"""The audit trail: what somebody does to it afterwards is seen."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from hsm_sim.audit import AuditTrail, verify_audit
from hsm_sim.errors import Unusable

LINES = 6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def written(path: Path, times_ns: list[int]) -> list[bytes]:
    clock = iter(times_ns)
    trail = AuditTrail(path, lambda: next(clock))
    for number in range(len(times_ns)):
        trail.add(["ann", "bob"], f"step {number}", "done", {"check_value": "08D7B4"})
    return path.read_bytes().splitlines(keepends=True)


def test_a_trail_that_nobody_touched_is_whole(path: Path) -> None:
    lines = written(path, list(range(LINES)))

    report = verify_audit(path)

    assert (report.entries, report.difference, report.clock_went_back) == (LINES, None, ())
    assert report.hash == json.loads(lines[-1])["hash"]
    assert json.loads(lines[2])["who"] == ["ann", "bob"]
    assert path.stat().st_mode & 0o777 == 0o600


def removed(lines: list[bytes], at: int) -> list[bytes]:
    return lines[:at] + lines[at + 1 :]


def doubled(lines: list[bytes], at: int) -> list[bytes]:
    return lines[: at + 1] + lines[at:]


def swapped(lines: list[bytes], at: int) -> list[bytes]:
    other = (at + 1) % len(lines)
    changed = list(lines)
    changed[at], changed[other] = changed[other], changed[at]
    return changed


def edited(lines: list[bytes], at: int) -> list[bytes]:
    return [line.replace(b"bob", b"eve") if n == at else line for n, line in enumerate(lines)]


def spaced(lines: list[bytes], at: int) -> list[bytes]:
    return [line.replace(b":", b": ", 1) if n == at else line for n, line in enumerate(lines)]


@pytest.mark.parametrize("at", range(LINES))
@pytest.mark.parametrize("change", [removed, doubled, swapped, edited, spaced])
def test_a_line_removed_doubled_moved_or_edited_is_found(
    path: Path, change: Callable[[list[bytes], int], list[bytes]], at: int
) -> None:
    lines = written(path, list(range(LINES)))

    path.write_bytes(b"".join(change(lines, at)))

    assert verify_audit(path).difference is not None
    with pytest.raises(Unusable, match="nothing more is written"):
        AuditTrail(path, lambda: 99).add(["ann"], "go on", "done")


def test_any_changed_byte_is_found(path: Path) -> None:
    written(path, list(range(LINES)))
    whole = path.read_bytes()
    chance = random.Random(7)

    for _ in range(300):
        at = chance.randrange(len(whole))
        changed = bytearray(whole)
        changed[at] ^= chance.randrange(1, 256)
        path.write_bytes(changed)
        assert verify_audit(path).difference is not None, at


@pytest.mark.parametrize("kept", range(LINES))
def test_an_end_that_was_cut_off_is_found(path: Path, kept: int) -> None:
    lines = written(path, list(range(LINES)))

    path.write_bytes(b"".join(lines[:kept]))

    assert verify_audit(path).difference == f"{kept} lines, {LINES} were written"


def test_a_line_edited_with_its_hash_breaks_the_next(path: Path, tmp_path: Path) -> None:
    written(path, list(range(LINES)))
    other = tmp_path / "other.jsonl"
    forged = AuditTrail(other, lambda: 0)
    forged.add(["eve"], "step 0", "done")

    path.write_bytes(other.read_bytes() + b"".join(path.read_bytes().splitlines(True)[1:]))

    assert verify_audit(path).difference == "line 2 does not follow the line before it"


def test_a_clock_that_went_back_is_noted(path: Path) -> None:
    written(path, [10, 20, 5, 30])

    report = verify_audit(path)

    assert (report.difference, report.clock_went_back) == (None, (3,))


def test_a_crash_between_the_line_and_the_head_loses_nothing(path: Path) -> None:
    written(path, [1, 2])
    head = path.with_name("audit.jsonl.head").read_bytes()
    AuditTrail(path, lambda: 3).add(["ann"], "third", "done")
    path.with_name("audit.jsonl.head").write_bytes(head)

    AuditTrail(path, lambda: 4).add(["ann"], "fourth", "done")

    assert verify_audit(path).entries == 4
    assert verify_audit(path).difference is None


def test_two_trails_on_one_file_write_one_chain(path: Path) -> None:
    one, two = AuditTrail(path, lambda: 1), AuditTrail(path, lambda: 1)

    for _ in range(3):
        one.add(["ann"], "a", "done")
        two.add(["bob"], "b", "done")

    assert (verify_audit(path).entries, verify_audit(path).difference) == (6, None)


def test_a_trail_that_others_can_read_is_refused(path: Path) -> None:
    written(path, [1])
    path.chmod(0o644)

    with pytest.raises(Unusable, match="must be 0600"):
        AuditTrail(path, lambda: 2).add(["ann"], "a", "done")
    with pytest.raises(Unusable, match="must be 0600"):
        verify_audit(path)


def test_a_trail_behind_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    os.symlink(tmp_path / "elsewhere", path)

    with pytest.raises(Unusable):
        AuditTrail(path, lambda: 2).add(["ann"], "a", "done")


def test_a_head_that_is_rubbish_is_told(path: Path) -> None:
    written(path, [1])
    path.with_name("audit.jsonl.head").write_bytes(b"{")

    with pytest.raises(Unusable, match="not the head"):
        verify_audit(path)
