"""MACs of messages: over all that stands before them, of repeats, too.

Method: messages are rendered and their MAC compared with one of another library's ciphers. That a
switch takes them, and their repeats, is in tests/benchmarks/test_pins.py.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from loadtest._script import Script
from loadtest.arrival import constant
from loadtest.errors import LoadtestError
from loadtest.run import RunPlan, compile_plan
from loadtest.target import TARGETS

BEGIN_S = int(datetime(2028, 2, 29, 12, tzinfo=UTC).timestamp())
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
RULE = '[mac]\nkey_file = "mac.key"\n\n[pin]\n'
PURCHASE = '49 = "{currency}" }\n\n[kinds.mixed]'


def retail(message: bytes) -> bytes:
    """Give ISO 9797-1's algorithm 3 with zeros behind the message."""
    padded = message + bytes(-len(message) % 8)
    left, zero = TripleDES(KEY[:8] * 3), bytes(8)
    chain = Cipher(left, modes.CBC(zero)).encryptor().update(padded)[-8:]
    back = Cipher(TripleDES(KEY[8:] * 3), modes.ECB()).decryptor().update(chain)
    return Cipher(left, modes.ECB()).encryptor().update(back)


def rendered(
    folder: Path,
    dialect: str = "binary",
    rule: str = RULE,
    extra: str = '64 = "{mac}"',
) -> list[bytes]:
    """Give messages of one of our targets whose purchases have a MAC."""
    ours = (TARGETS / f"bashgah-{dialect}.toml").read_text("utf-8")
    assert PURCHASE in ours
    (folder / "mac.key").write_text(KEY.hex())
    path = folder / "target.toml"
    kinds = PURCHASE.replace(" }", f", {extra} }}")
    path.write_text(ours.replace(PURCHASE, kinds).replace("[pin]\n", rule))
    plan = RunPlan(target=str(path), workload="purchase", arrival=constant(1), begin_at=BEGIN_S)
    script = Script(compile_plan(plan)[2])
    return [script.render(arrival, 0, BEGIN_S) for arrival in range(50)]


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_the_mac_is_over_all_that_stands_before_it(tmp_path: Path, dialect: str) -> None:
    sent = rendered(tmp_path, dialect)

    for message in sent:
        assert message[-8:] == retail(message[:-8])
    assert len({message[-8:] for message in sent}) == len(sent)


@pytest.mark.parametrize(
    ("rule", "extra", "message"),
    [
        ("[pin]\n", '64 = "{mac}"', "element 64: the target has no mac"),
        (RULE, '52 = "{mac}", 53 = "0000000000000000"', "element 52: a MAC is the last element"),
        (RULE.replace("mac.key", "no.key"), '64 = "{mac}"', "no.key: No such file or directory"),
    ],
)
def test_a_mistake_about_macs_is_named(tmp_path: Path, rule: str, extra: str, message: str) -> None:
    with pytest.raises(LoadtestError, match=re.escape(message)):
        rendered(tmp_path, rule=rule, extra=extra)
