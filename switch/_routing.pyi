"""Python face of `_routing`: the header of a forwarded message, for tests."""

from typing import Any

def pack(
    *,
    kind: int,
    listener: int,
    has_tpdu: int,
    tpdu: bytes,
    response_code: bytes,
    peer_port: int,
    peer_address: int,
    place: int,
    generation: int,
    received_us: int,
    tag: int,
) -> bytes:
    """Give a header's bytes."""

def unpack(header: bytes) -> dict[str, Any]:
    """Give a header's fields by name. Raises ValueError for what is none."""
