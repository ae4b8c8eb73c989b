"""CW and CY: published values, and whatever is wrong with a request."""

import pytest

from hsm_sim._keys import Key
from hsm_sim.commands.cards import COMMANDS
from hsm_sim.key_types import CVK, ZPK
from tests.support.hsm_commands import VARIANT, hsm_with, sealed
from tests.support.hsm_vectors import Vector, named

HSM = hsm_with(COMMANDS)
KEY = Key.of(0, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
WIRE = VARIANT.seal(KEY, CVK, "U")
CARD = b"4123456789012345;8701101"


@named("thales-CW", "thales-CY")
def test_published_commands_have_their_responses(vector: Vector) -> None:
    code = vector.text("command").encode()

    response = HSM.execute(code + vector.text("request_fields").encode())

    assert response == code[:1] + {b"W": b"X", b"Y": b"Z"}[code[1:]] + vector.expected.encode()


@pytest.mark.parametrize(("card", "cvv"), [(CARD, b"561"), (b"4999988887777;9105111", b"649")])
def test_keys_come_in_every_form(card: bytes, cvv: bytes) -> None:
    forms = [(WIRE, b""), (VARIANT.seal(KEY, CVK, "Z"), b""), (sealed(KEY, CVK), b"%01")]

    for wire, lmk in forms:
        assert HSM.execute(b"CW" + wire + card + lmk) == b"CX00" + cvv
        assert HSM.execute(b"CY" + wire + cvv + card + lmk) == b"CZ00"
        assert HSM.execute(b"CY" + wire + b"000" + card + lmk) == b"CZ01"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (WIRE + b"4123456789012345;870110", b"15"),
        (WIRE + b"4123456789012345;87011011", b"15"),
        (WIRE + b"4123456789012345;870110A", b"15"),
        (WIRE + b"41234567890123451234;8701101", b"15"),
        (WIRE + b"4123456789012345", b"15"),
        (WIRE + b";8701101", b"15"),
        (VARIANT.seal(KEY, ZPK, "U") + CARD, b"10"),
        (sealed(KEY, ZPK) + CARD + b"%01", b"A6"),
        (sealed(KEY, CVK, "V") + CARD + b"%01", b"A8"),
        (sealed(Key.random(0, 24), CVK) + CARD + b"%01", b"27"),
        (WIRE + CARD + b"%07", b"13"),
    ],
)
def test_a_wrong_request_is_refused(fields: bytes, code: bytes) -> None:
    assert HSM.execute(b"CW" + fields) == b"CX" + code


def test_a_key_that_only_generates_does_not_verify() -> None:
    assert HSM.execute(b"CY" + sealed(KEY, CVK, "G") + b"561" + CARD + b"%01") == b"CZA8"
