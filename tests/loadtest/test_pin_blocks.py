"""PIN blocks of cards: what is sent opens, under the terminals' key, to the PIN that the rule says.

Method: messages are rendered, read by the codec, and their blocks opened by the HSM's own module.
"""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, Pin, open_block
from loadtest._script import Script
from loadtest.arrival import constant
from loadtest.errors import LoadtestError
from loadtest.run import RunPlan, compile_plan
from loadtest.spec_file import load_spec
from loadtest.target import TARGETS
from loadtest.workload import Scenario, Step, Workload
from switch.iso8583 import decode

BEGIN_S = int(datetime(2028, 2, 29, 12, tzinfo=UTC).timestamp())
KEY_HEX = "0123456789ABCDEFFEDCBA9876543210"
RULE = """
[pin_blocks]
key_file = "pin.key"
seed = "club"
"""
OURS = (TARGETS / "bashgah-binary.toml").read_text("utf-8")
WITH_PIN = (Scenario(name="right", weight=1, pin=True, step=(Step(kind="purchase"),)),)
WRONG_PIN = (Scenario(name="wrong", weight=1, pin="wrong", step=(Step(kind="purchase"),)),)


def rendered(
    folder: Path, scenarios: tuple[Scenario, ...], rule: str = RULE, key: str = KEY_HEX
) -> list[tuple[str, str]]:
    """Give card number and PIN block of messages of a target with this rule."""
    (folder / "pin.key").write_text(f"{key}\n")
    path = folder / "target.toml"
    path.write_text(OURS.replace("[pin]\n", f"{rule}\n[pin]\n"))
    plan = RunPlan(
        target=str(path),
        workload=Workload(name="pins", scenario=scenarios),
        arrival=constant(1),
        begin_at=BEGIN_S,
    )
    script = Script(compile_plan(plan)[2])
    spec = load_spec("iso1987-binary")
    messages = [decode(script.render(arrival, 0, BEGIN_S), spec) for arrival in range(200)]
    return [(message["2"], message["52"]) for message in messages]


def opened(pan: str, block: str) -> Pin:
    """Open a block as an HSM does, with the account of that card alone."""
    key = Key.of(0, bytes.fromhex(KEY_HEX))
    return open_block(key, bytes.fromhex(block), FORMATS["ISO-0"], pan[-13:-1].encode())


def drawn(pan: str, digits: int = 4) -> bytes:
    """Give the PIN of a card as docs/loadtest.md says."""
    number = int(hashlib.sha256(f"club:{pan[:-1]}".encode()).hexdigest()[:16], 16)
    return str(number % 10**digits).zfill(digits).encode()


@pytest.mark.parametrize("digits", [4, 6])
def test_a_block_holds_the_pin_that_the_rule_gives_its_card(tmp_path: Path, digits: int) -> None:
    sent = rendered(tmp_path, WITH_PIN, f"{RULE}digits = {digits}\n")

    assert len({pan for pan, _ in sent}) > 100
    for pan, block in sent:
        assert opened(pan, block).same_as(Pin.of(drawn(pan, digits)))
    assert len({drawn(pan, digits) for pan, _ in sent}) > 100


def test_a_wrong_pin_is_a_pin_and_not_the_cards(tmp_path: Path) -> None:
    for pan, block in rendered(tmp_path, WRONG_PIN):
        right = drawn(pan)
        expected = str((int(right[:1]) + 1) % 10).encode() + right[1:]
        assert opened(pan, block).same_as(Pin.of(expected))


def test_all_cards_may_have_one_pin(tmp_path: Path) -> None:
    rule = RULE.replace('seed = "club"', 'pin = "90210"')

    for pan, block in rendered(tmp_path, WITH_PIN, rule):
        assert opened(pan, block).same_as(Pin.of(b"90210"))


def test_a_share_of_wrong_pins_is_the_weight_of_their_scenario(tmp_path: Path) -> None:
    sent = rendered(tmp_path, (*WITH_PIN, *WRONG_PIN))

    right = sum(opened(pan, block).same_as(Pin.of(drawn(pan))) for pan, block in sent)

    assert 60 < right < 140


def test_without_a_rule_a_block_is_random(tmp_path: Path) -> None:
    blocks = [block for _, block in rendered(tmp_path, WITH_PIN, "")]

    assert len(set(blocks)) == len(blocks)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('seed = "club"', "", "$.pin_blocks: a pin that all cards have, or a seed"),
        ('seed = "club"', 'seed = "x"\npin = "1234"', "$.pin_blocks: a pin"),
        ('seed = "club"', 'pin = "12"', "$.pin_blocks.pin: 4 to 12 digits"),
        ('seed = "club"', 'seed = "x"\ndigits = 13', "$.pin_blocks.digits: 4 to 12"),
        ("pin.key", "no.key", "no.key: No such file or directory"),
        ('seed = "club"', 'seed = "x"\nformat = 0', "format"),
    ],
)
def test_a_mistake_in_the_rule_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(LoadtestError, match=re.escape(message)):
        rendered(tmp_path, WITH_PIN, RULE.replace(old, new))


@pytest.mark.parametrize("key", ["", "0123456789ABCDEF", "X" * 32, "0" * 64])
def test_a_key_file_that_holds_no_key_is_named_and_not_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(LoadtestError, match="not 32 or 48 hexadecimal digits") as caught:
        rendered(tmp_path, WITH_PIN, key=key)

    assert not key or key not in str(caught.value)


def test_wrong_pins_need_a_rule(tmp_path: Path) -> None:
    with pytest.raises(LoadtestError, match=re.escape("$.scenario[0].pin")):
        rendered(tmp_path, WRONG_PIN, "")
