"""Cards out of readers at a real switch on the demo club: money moves, whatever read the card."""

from pathlib import Path

import pytest

from acquirers.terminal.cards.personalisation import PersonalisationFile, write_new
from bashgah import demo, demo_keys
from bashgah.cli import run
from tests.acquirers.terminal.cards.samples import card_file
from tests.acquirers.terminal.cards.stripe_text import with_lrc
from tests.golden.demo_switch import DemoSwitch

pytestmark = pytest.mark.slow

PAN = demo.CROWD_PANS[7]
TERMINAL, MERCHANT = demo.TERMINALS[0]


def pay(switch: DemoSwitch, directory: Path, profile: str, *words: str) -> int:
    """Run the terminal against the switch; give its exit status."""
    options = [
        f"--profile={profile}",
        f"--port={switch.port[profile]}",
        f"--terminal={TERMINAL}",
        f"--state={directory / 'terminal.json'}",
    ]
    return run(["terminal", *words, *options])


@pytest.mark.parametrize("profile", ["pos-binary", "pos-ascii"])
def test_a_virtual_card_pays_and_takes_back(
    demo_switch: DemoSwitch, tmp_path: Path, profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "card.json"
    # A card of its own: the counter that the switch has seen is no other card file's.
    pan = PAN if profile == "pos-binary" else demo.CROWD_PANS[8]
    write_new(path, demo_keys.chip_card(pan))
    reader = f"--reader=virtual:{path}"
    # The trace numbers of this terminal are the switch's business for a day: begin elsewhere.
    memory = tmp_path / "terminal.json"
    stan = 710_000 if profile == "pos-binary" else 720_000
    memory.write_text(f'{{"terminal_id": "{TERMINAL}", "stan_last": {stan}}}')

    paid = pay(demo_switch, tmp_path, profile, "purchase", "--amount=250000", reader)
    shown = capsys.readouterr().out
    taken_back = pay(demo_switch, tmp_path, profile, "reversal", reader)
    asked = pay(demo_switch, tmp_path, profile, "balance", reader)

    assert (paid, taken_back, asked) == (0, 0, 0)
    assert "APPROVED" in shown.upper()
    assert pan not in shown
    assert PersonalisationFile(path).read().atc == 3


def test_a_stripe_pays(demo_switch: DemoSwitch, tmp_path: Path) -> None:
    swipe = tmp_path / "swipe.txt"
    track2 = demo_keys.stripe_track2(PAN)
    body = track2.partition("=")[2]
    swipe.write_text(with_lrc(f"%B{PAN}^TEST/SARA^{body}?") + "\n" + with_lrc(f";{track2}?"))
    (tmp_path / "terminal.json").write_text(f'{{"terminal_id": "{TERMINAL}", "stan_last": 730000}}')

    paid = pay(
        demo_switch, tmp_path, "pos-binary", "purchase", "--amount=1000", f"--reader=stripe:{swipe}"
    )

    assert paid == 0


def test_a_chip_of_another_expiry_is_declined(demo_switch: DemoSwitch, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    card_file(path, pan=PAN, expiry="3111", track2=f"{PAN}D31112010000012300000")
    (tmp_path / "terminal.json").write_text(f'{{"terminal_id": "{TERMINAL}", "stan_last": 740000}}')

    assert pay(demo_switch, tmp_path, "pos-binary", "balance", f"--reader=virtual:{path}") == 1
