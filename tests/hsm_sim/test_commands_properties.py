"""Whatever comes, a command answers: its reply code, an error code, and nothing is raised."""

from hypothesis import given
from hypothesis import strategies as st

from hsm_sim._keys import Key
from hsm_sim.commands import cards, data, emv, extras, macs
from hsm_sim.hsm import Command
from hsm_sim.key_types import BDK, CVK, HMAC_KEY, MK_AC, MK_CVC3, TAK, ZEK
from tests.support.hsm_commands import VARIANT, hsm_with, sealed

TDES, AES, HMAC = 0, 1, 2
COMMANDS = (*cards.COMMANDS, *data.COMMANDS, *emv.COMMANDS, *extras.COMMANDS, *macs.COMMANDS)
HSM = hsm_with(COMMANDS)
DOUBLE, STRONG = Key.random(TDES, 16), Key.random(AES, 16)
KEYS = [
    *(VARIANT.seal(DOUBLE, kind, "U") for kind in (TAK, CVK, BDK, MK_AC, MK_CVC3, ZEK)),
    *(sealed(DOUBLE, kind) for kind in (TAK, CVK, BDK, MK_AC, MK_CVC3, ZEK)),
    *(sealed(STRONG, kind) for kind in (TAK, BDK, MK_AC, ZEK)),
    *(sealed(Key.random(TDES, length), TAK) for length in (8, 24)),
    sealed(Key.random(HMAC, 32), HMAC_KEY),
]
# Fields that are right somewhere, so that more than the first one is read.
PIECES = [
    *KEYS,
    *(b"%d" % number for number in range(10)),
    *(b"003", b"008", b"00A", b"30B", b"009", b"FFF", b"605", b"00", b"01", b"02", b"06", b"12"),
    *(
        b"0008",
        b"0010",
        b"00008",
        b"10",
        b";",
        b"A",
        b"%00",
        b"%01",
        b"\x19",
        b"S0000",
        b"U",
        b"SD",
    ),
    *(bytes(2), bytes(4), bytes(8), bytes(16), b"0" * 16, b"0" * 32, b"12345678"),
    *(b"FFFF9876543210E00001", b"123456789012345600000001", b"4123456789012345;8701101"),
]
fields = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=14).map(b"".join)


@given(st.sampled_from(COMMANDS), fields)
def test_every_request_is_answered(command: Command, rest: bytes) -> None:
    response = HSM.execute(command.code.encode() + rest)

    assert response[:2] == command.reply.encode()
    assert len(response) >= 4
