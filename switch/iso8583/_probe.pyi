"""Python handles on the C face, for tests and benchmarks: the fast lane has no other witness."""

from switch.iso8583._plan import Spec

FAULTS: dict[str, int]

def scan_times(data: bytes, spec: Spec, times: int) -> int:
    """Scan the same message `times` times; how often it was whole."""

def answer_times(data: bytes, spec: Spec, times: int) -> bytes:
    """Scan a message and write its approval, `times` times; the last answer."""

def read(
    data: bytes, spec: Spec, room_bytes: int = 4096
) -> dict[int, tuple[str | None, int | None, int]]:
    """Scan and read: element number (0: MTI) to (text or None, digits or None, count)."""

def write(
    spec: Spec,
    mti: bytes,
    steps: list[tuple[int, int | str | bytes | tuple[bytes]]],
    room_bytes: int = 4096,
) -> bytes | tuple[int, int]:
    """Write a message in steps of (element, value); the bytes, or (fault, element)."""

def tlvs(text: bytes) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Walk the private TLV of an ASCII text: [(tag, value)], and whether it ended whole."""
