"""Python face of `_packing`: one packed row at a time."""

class PackingBroken(ValueError):
    """These bytes are no packed row; the text says why."""

def pack(raw: bytes, record_bytes: int, distance: int) -> bytes:
    """Give a packed row of at most 1 MiB of records, each compared with the one `distance` before.

    `record_bytes` 0: the bytes stay as they are, behind the same head.
    """

def unpack(packed: bytes | memoryview) -> bytes:
    """Give what was packed. Raises PackingBroken for whatever is no packed row."""
