"""Packed rows against a plain witness, and everything that is no packed row is refused."""

from random import Random

import pytest

from switch._packing import PackingBroken, pack, unpack


def plainly_packed(raw: bytes, record_bytes: int, distance: int) -> bytes:
    """What `pack` should give, a byte at a time."""
    out = bytearray(len(raw).to_bytes(4, "little"))
    out += record_bytes.to_bytes(2, "little") + distance.to_bytes(2, "little")
    for at in range(0, len(raw), record_bytes):
        record = raw[at : at + record_bytes]
        back = at - distance * record_bytes
        before = raw[back : back + record_bytes] if back >= 0 else bytes(record_bytes)
        differing = [one ^ other for one, other in zip(record, before, strict=True)]
        for group in range(0, record_bytes, 8):
            mask = sum(1 << bit for bit, byte in enumerate(differing[group : group + 8]) if byte)
            out.append(mask)
        out += bytes(byte for byte in differing if byte)
    return bytes(out)


def neighbours(random: Random, record_bytes: int, count: int) -> bytes:
    """Records that differ from the one before in some bytes, in none or in all."""
    record = bytearray(random.randbytes(record_bytes))
    raw = bytearray()
    for _ in range(count):
        for _ in range(random.choice((0, 1, record_bytes // 4, 2 * record_bytes))):
            record[random.randrange(record_bytes)] = random.randrange(256)
        raw += record
    return bytes(raw)


@pytest.mark.parametrize("record_bytes", [1, 7, 8, 16, 28, 32, 40, 64, 120, 144, 160])
@pytest.mark.parametrize("distance", [1, 4])
def test_a_row_is_packed_as_the_witness_packs_it_and_comes_back(
    record_bytes: int, distance: int
) -> None:
    random = Random(record_bytes * 10 + distance)
    for count in (0, 1, 2, 3, 4, 5, 100):
        raw = neighbours(random, record_bytes, count)

        packed = pack(raw, record_bytes, distance)

        assert packed == plainly_packed(raw, record_bytes, distance)
        assert unpack(packed) == raw


def test_bytes_that_are_no_records_stay_as_they_are() -> None:
    assert pack(b"names", 0, 0) == b"\x05\0\0\0\0\0\0\0names"
    assert unpack(pack(b"names", 0, 0)) == b"names"
    assert unpack(pack(b"", 0, 0)) == b""


@pytest.mark.parametrize("record_bytes", [0, 8, 28])
def test_a_row_of_another_length_is_refused(record_bytes: int) -> None:
    packed = pack(neighbours(Random(1), 56, 10), record_bytes, 1)

    for cut in range(len(packed)):
        with pytest.raises(PackingBroken):
            unpack(packed[:cut])
    with pytest.raises(PackingBroken):
        unpack(packed + b"\0")


@pytest.mark.parametrize(
    "head",
    [
        (1 << 21, 0, 0),  # too long
        (64, 161, 1),  # records of no part
        (64, 8, 0),
        (64, 8, 5),
        (63, 8, 1),  # no whole records
        (1 << 20, 8, 1),  # that many are not there
    ],
)
def test_a_head_that_cannot_be_is_refused(head: tuple[int, int, int]) -> None:
    raw_bytes, record_bytes, distance = head
    packed = raw_bytes.to_bytes(4, "little") + record_bytes.to_bytes(2, "little")

    with pytest.raises(PackingBroken):
        unpack(packed + distance.to_bytes(2, "little") + bytes(64))


@pytest.mark.parametrize("seed", range(20))
def test_damaged_rows_are_refused_or_give_as_many_bytes_as_they_say(seed: int) -> None:
    random = Random(seed)
    packed = bytearray(pack(neighbours(random, 32, 50), 32, 4))
    for _ in range(50):
        damaged = bytearray(packed)
        damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        try:
            raw = unpack(bytes(damaged))
        except PackingBroken:
            continue
        assert len(raw) == int.from_bytes(damaged[:4], "little")
