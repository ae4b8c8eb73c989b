"""Local master keys: what all other keys are sealed under.

Owns the two kinds there are. A `KeyBlockLmk` (the default) is an AES key: keys on the wire are `S`
and a TR-31 block of version D, which binds a key to its use. A `VariantLmk` is a set of pairs of
TDES keys, as in older HSMs: each half of a key is encrypted alone and nothing shows a change but
parity. It is here because published commands, with which anybody can check us, are under it.

Must not know where an LMK comes from (`hsm_sim.lmk_files`), nor commands.
"""

from collections.abc import Mapping

from hsm_sim import key_blocks
from hsm_sim._key_blocks import derive
from hsm_sim._keys import Key
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.key_blocks import Header
from hsm_sim.key_types import KeyType

TDES, AES = 0, 1
LMK_BYTES = 32
BARE = "Z"  # in commands: no scheme letter on the wire

# Source: published commands (vectors.json); each value recomputed.
VARIANTS = bytes.fromhex("00 A6 5A 6A DE 2B 50 74 9C FA")
SCHEME_VARIANTS = {
    "U": bytes.fromhex("A6 5A"),
    "T": bytes.fromhex("6A DE 2B"),
    "X": bytes(2),
    "Y": bytes(3),
}
# Characters without a letter before them: a single key, a pair, three.
BARE_BLOCKS = {16: 1, 32: 2, 48: 3}

# The published test set. Everybody knows these keys.
PUBLISHED_TEST_SET = {
    "00-01": "01010101010101017902CD1FD36EF8BA",
    "02-03": "20202020202020203131313131313131",
    "04-05": "40404040404040405151515151515151",
    "06-07": "61616161616161617070707070707070",
    "08-09": "80808080808080809191919191919191",
    "10-11": "A1A1A1A1A1A1A1A1B0B0B0B0B0B0B0B0",
    "12-13": "C1C1010101010101D0D0010101010101",
    "14-15": "E0E0010101010101F1F1010101010101",
    "16-17": "1C587F1C13924FEF0101010101010101",
    "18-19": "01010101010101010101010101010101",
    "20-21": "02020202020202020404040404040404",
    "22-23": "07070707070707071010101010101010",
    "24-25": "13131313131313131515151515151515",
    "26-27": "16161616161616161919191919191919",
    "28-29": "1A1A1A1A1A1A1A1A1C1C1C1C1C1C1C1C",
    "30-31": "23232323232323232525252525252525",
    "32-33": "26262626262626262929292929292929",
}
# Ours, for tests and demonstrations. Everybody knows it, too.
PUBLISHED_TEST_KEY = bytes(range(0x41, 0x41 + LMK_BYTES))


def scheme_masks(scheme: str, blocks: int) -> list[bytes]:
    """Give what each block of a key is encrypted with besides: XOR on the wrapping pair.

    The same for keys under an LMK and for keys under a ZMK. Refused: 26 when a key of so many
    blocks has no such scheme.
    """
    values = bytes(blocks) if scheme == BARE else SCHEME_VARIANTS.get(scheme, b"")
    if len(values) != blocks:
        raise Refused(ErrorCode.KEY_SCHEME)
    return [bytes(8) + value.to_bytes() + bytes(7) for value in values]


def split_wire(wire: bytes) -> tuple[str, bytes]:
    """Give the scheme of a key on the wire (U, T, X, Y, Z) and its cryptogram."""
    scheme = wire[:1].decode("latin-1")
    if scheme in SCHEME_VARIANTS:
        text, wanted = wire[1:], 16 * len(SCHEME_VARIANTS[scheme])
    else:
        scheme, text, wanted = BARE, wire, len(wire)
    if scheme == BARE and wire[:1] in (b"S", b"R"):
        raise Refused(ErrorCode.KEY_SCHEME)
    if len(text) != wanted or len(text) not in BARE_BLOCKS:
        raise Refused(ErrorCode.KEY_LENGTH)
    if not set(text) <= set(b"0123456789ABCDEF"):
        raise Refused(ErrorCode.INPUT_DATA)
    return scheme, bytes.fromhex(text.decode("ascii"))


def to_wire(scheme: str, cryptogram: bytes) -> bytes:
    """Write a cryptogram with its scheme."""
    letter = "" if scheme == BARE else scheme
    return (letter + cryptogram.hex().upper()).encode("ascii")


class VariantLmk:
    """Pairs of TDES keys: one for each group of key types, a variant for each type in it."""

    pin_key: Key | None = None

    def __init__(self, pairs: Mapping[str, Key]) -> None:
        self._pairs = dict(pairs)
        self._wrapping: dict[tuple[str, int, bytes], Key] = {}

    @classmethod
    def published_test_set(cls) -> "VariantLmk":
        """Make the set that published commands are under."""
        return cls(
            {pair: Key.of(TDES, bytes.fromhex(text)) for pair, text in PUBLISHED_TEST_SET.items()}
        )

    @property
    def check_value(self) -> str:
        """Zeros, encrypted under each pair in turn: of our own making, no source tells theirs."""
        block = bytes(8)
        for pair in sorted(self._pairs):
            block = self._pairs[pair].encrypt_ecb(block)
        return block.hex().upper()

    def open(self, wire: bytes, kind: KeyType) -> Key:
        """Open a key. Refused: 26, 27, and 10 for a wrong parity, as of a key of another type."""
        scheme, cryptogram = split_wire(wire)
        wrapping = self._wrapping_keys(kind, scheme, len(cryptogram) // 8)
        key = Key.under(wrapping, cryptogram)
        if not key.has_odd_parity():
            raise Refused(ErrorCode.SOURCE_KEY_PARITY)
        return key

    def seal(self, key: Key, kind: KeyType, scheme: str, exportable: str = "E") -> bytes:
        """Seal a TDES key; there is no room to say who may export it."""
        if key.algorithm != TDES:
            raise Refused(ErrorCode.KEY_SCHEME)
        if not key.has_odd_parity():
            raise Refused(ErrorCode.DESTINATION_KEY_PARITY)
        return to_wire(scheme, key.wrapped(self._wrapping_keys(kind, scheme, key.length // 8)))

    def _wrapping_keys(self, kind: KeyType, scheme: str, blocks: int) -> list[Key]:
        return [
            self._wrapping_key(kind.pair, kind.variant, mask)
            for mask in scheme_masks(scheme, blocks)
        ]

    def _wrapping_key(self, pair: str, variant: int, mask: bytes) -> Key:
        """Give a pair with both its variants; kept, since each has a cipher."""
        place = (pair, variant, mask)
        key = self._wrapping.get(place)
        if key is None:
            if pair not in self._pairs:
                raise Refused(ErrorCode.KEY_TYPE)
            both = bytes([VARIANTS[variant]]) + mask[1:]
            key = self._wrapping[place] = self._pairs[pair].masked(both)
        return key


class KeyBlockLmk:
    """One AES key. Keys are `S` and a key block: what a key is for cannot be changed unseen."""

    def __init__(self, key: Key) -> None:
        if key.algorithm != AES or key.length != LMK_BYTES:
            raise ValueError(f"an LMK is an AES key of {LMK_BYTES} bytes")
        self._key = key
        # Sealing keys and PINs with the same key would let one pass for the other.
        self.pin_key: Key | None = self.derived(b"pin under lmk")
        self._check = self.derived(b"check value").encrypt_ecb(bytes(16))[:8]

    @classmethod
    def published_test_key(cls) -> "KeyBlockLmk":
        """Make the LMK of tests and demonstrations, which everybody knows."""
        return cls(Key.of(AES, PUBLISHED_TEST_KEY))

    @property
    def check_value(self) -> str:
        """Tell LMKs apart: from a key derived for this alone."""
        return self._check.hex().upper()

    def derived(self, label: bytes) -> Key:
        """Give an AES key of this LMK for one purpose."""
        return derive(self._key, label, LMK_BYTES)

    def open(self, wire: bytes, kind: KeyType) -> Key:
        """Open a key: 26 for none of ours, A4 forged, A6, A7, A8 not made for this."""
        header, key = self.open_block(wire)
        key_blocks.check_use(header, kind)
        return key

    def open_block(self, wire: bytes) -> tuple[Header, Key]:
        """Open a key of any use, with what its header says."""
        if wire[:1] != b"S":
            raise Refused(ErrorCode.KEY_SCHEME)
        if wire[1:2] != b"D":
            raise Refused(ErrorCode.KEY_BLOCK_VERSION)
        header, key = key_blocks.unwrap(self._key, wire[1:])
        if not key.has_odd_parity():
            raise Refused(ErrorCode.SOURCE_KEY_PARITY)
        return header, key

    def seal(self, key: Key, kind: KeyType, scheme: str, exportable: str = "E") -> bytes:
        """Seal a key for its first usage and mode."""
        if scheme != "S":
            raise Refused(ErrorCode.KEY_SCHEME)
        header = Header(
            version="D",
            usage=key_blocks.usage_of(key, kind),
            algorithm=key_blocks.letter(key),
            mode=kind.modes[0],
            exportability=exportable,
        )
        key_blocks.check_use(header, kind)
        return self.seal_block(key, header)

    def seal_block(self, key: Key, header: Header) -> bytes:
        """Seal a key under a header of the caller's (of version D)."""
        if not key.has_odd_parity():
            raise Refused(ErrorCode.DESTINATION_KEY_PARITY)
        return b"S" + key_blocks.wrap(self._key, header, key)
