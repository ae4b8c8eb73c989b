"""The audit trail: who did what with the HSM's keys, when, and how it ended.

Owns a file of JSON lines. Each line holds the hash of the one before it, so a line that is changed,
moved or taken out breaks the chain; how many there are, and the last hash, are in a file beside it,
so the end cannot be cut off unseen. Whoever may write both files can make a new trail: keep the
last hash elsewhere (`audit verify` prints it).

Lines hold names and check values; never a key, a component or a passphrase.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hsm_sim.errors import Unusable
from hsm_sim.private_files import NOT_JSON, open_private, read_private, write_private

START = "0" * 64

TRAIL_FILE = "audit.jsonl"  # in the HSM's directory


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `hash` is of everything before it in the line, the hash before included."""

    seq: int
    at_ns: int
    who: tuple[str, ...]
    what: str
    result: str
    details: dict[str, str] = {}
    clock_went_back: bool = False
    previous: str
    hash: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is told beside the trail: its end."""

    entries: int = 0
    hash: str = START


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify_audit` found. `difference` names the first line that is wrong."""

    entries: int
    hash: str
    clock_went_back: tuple[int, ...]
    difference: str | None


class AuditTrail:
    """A trail to write on. Several processes may: each line is written under a lock."""

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        self.path = path
        self._now_ns = now_ns

    def add(
        self,
        who: Sequence[str],
        what: str,
        result: str,
        details: Mapping[str, str] | None = None,
    ) -> Entry:
        """Write what happened; on disk when it returns. Raises Unusable for a broken trail."""
        with _locked(self.path) as descriptor:
            lines = _lines(descriptor)
            report, last = _verify(lines, _head(self.path))
            if report.difference is not None:
                raise Unusable(f"{self.path}: {report.difference}; nothing more is written on it")
            now_ns = self._now_ns()
            entry = Entry(
                seq=report.entries + 1,
                at_ns=now_ns,
                who=tuple(who),
                what=what,
                result=result,
                details=dict(details or {}),
                clock_went_back=last is not None and now_ns < last.at_ns,
                previous=report.hash,
            )
            entry = msgspec.structs.replace(entry, hash=_hash(entry))
            os.write(descriptor, msgspec.json.encode(entry) + b"\n")
            os.fsync(descriptor)
            # A crash before this leaves one line more than told, which `_verify` allows.
            _write_head(self.path, Head(entries=entry.seq, hash=entry.hash))
        return entry


def verify_audit(path: Path) -> Report:
    """Read a trail from its first line and say whether every line is there, as it was written."""
    with os.fdopen(open_private(path), "rb") as file:
        report, _ = _verify(file.read().splitlines(keepends=True), _head(path))
    return report


def _verify(lines: Sequence[bytes], head: Head) -> tuple[Report, Entry | None]:
    previous, last, backs = START, None, []
    difference = None
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if entry is None:
            difference = f"line {number} is no entry"
        elif entry.seq != number:
            difference = f"line {number} is entry {entry.seq}"
        elif entry.previous != previous:
            difference = f"line {number} does not follow the line before it"
        elif entry.hash != _hash(entry):
            difference = f"line {number} was changed"
        elif last is not None and entry.clock_went_back != (entry.at_ns < last.at_ns):
            difference = f"line {number} has another time than when it was written"
        elif number == head.entries and entry.hash != head.hash:
            difference = f"line {number} is not the one that was written"
        if difference is not None or entry is None:
            break
        if entry.clock_went_back:
            backs.append(number)
        previous, last = entry.hash, entry
    if difference is None and not head.entries <= len(lines) <= head.entries + 1:
        difference = f"{len(lines)} lines, {head.entries} were written"
    report = Report(
        entries=0 if last is None else last.seq,
        hash=previous,
        clock_went_back=tuple(backs),
        difference=difference,
    )
    return report, last


def _entry(line: bytes) -> Entry | None:
    """Read a line; only as we write it, so that no two lines mean the same."""
    try:
        entry = msgspec.json.decode(line, type=Entry)
    except NOT_JSON:
        return None
    return entry if msgspec.json.encode(entry) + b"\n" == line else None


def _hash(entry: Entry) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(entry, hash=""))).hexdigest()


def _head_path(path: Path) -> Path:
    return path.with_name(path.name + ".head")


def _head(path: Path) -> Head:
    content = read_private(_head_path(path))
    if content is None:
        return Head()
    try:
        return msgspec.json.decode(content, type=Head)
    except NOT_JSON:
        raise Unusable(f"{_head_path(path)}: not the head of a trail") from None


def _write_head(path: Path, head: Head) -> None:
    write_private(_head_path(path), msgspec.json.encode(head))


def _lines(descriptor: int) -> list[bytes]:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read().splitlines(keepends=True)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the trail to add to it, alone."""
    try:
        descriptor = os.open(
            path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    try:
        os.close(open_private(path))  # its mode and owner, as for reading
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
