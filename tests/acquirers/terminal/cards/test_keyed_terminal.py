"""Terminals with keys at a real switch and a real HSM: PINs, MACs, key exchange, a chip's proof."""

import io
from pathlib import Path

import pytest

from acquirers.terminal.cards.personalisation import write_new
from bashgah import demo, demo_keys, demo_vouchers
from bashgah.cli import run
from bashgah.demo_products import PRODUCTS
from tests.golden.demo_switch import DemoSwitch

pytestmark = pytest.mark.slow

PLAIN = demo.TERMINALS[3][0]
VOUCHER_TERMINAL = demo.TERMINALS[6][0]
(MEMBER,) = (product.cards[1].pan for product in PRODUCTS if product.takes_vouchers)


class Counter:
    """One terminal at the switch; each test has numbers of its own."""

    def __init__(
        self,
        switch: DemoSwitch,
        directory: Path,
        terminal: str,
        stan: int,
        profile: str = "pos-binary",
    ) -> None:
        state = directory / "terminal.json"
        state.write_text(f'{{"terminal_id": "{terminal}", "stan_last": {stan}}}')
        self._options = [
            f"--profile={profile}",
            f"--port={switch.port[profile]}",
            f"--terminal={terminal}",
            f"--state={state}",
            "--reply-seconds=3",
            "--repeats=0",
        ]

    def run(self, *words: str) -> int:
        return run(["terminal", *words, *self._options])

    def pays(self, monkeypatch: pytest.MonkeyPatch, pin: str, card: int = 20) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(pin + "\n"))
        pan = demo.CROWD_PANS[card]
        return self.run("purchase", "--amount=1000", f"--card={pan}", "--pin-file=-")


@pytest.mark.parametrize(
    ("terminal", "profile", "card"),
    [
        (PLAIN, "pos-binary", 20),
        (demo.MAC_TERMINAL, "pos-binary", 21),
        (demo.MAC_TERMINAL, "pos-ascii", 22),
    ],
)
def test_a_pin_is_right_or_wrong_before_and_after_a_key_exchange(
    demo_switch: DemoSwitch,
    tmp_path: Path,
    terminal: str,
    profile: str,
    card: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The exchange before was another test's: what it left is the switch's, not this file's.
    keys = tmp_path.parent / f"{terminal}.keys"
    if keys.exists():
        (tmp_path / "terminal.keys").write_bytes(keys.read_bytes())
        (tmp_path / "terminal.keys").chmod(0o600)
    counter = Counter(demo_switch, tmp_path, terminal, 750_000 + 1_000 * card, profile)

    before = counter.pays(monkeypatch, demo_keys.PIN, card)
    exchanged = counter.run("key-exchange")
    after = counter.pays(monkeypatch, demo_keys.PIN, card)
    wrong = counter.pays(monkeypatch, "4321", card)

    keys.write_bytes((tmp_path / "terminal.keys").read_bytes())
    shown = capsys.readouterr().out
    assert (before, exchanged, after, wrong) == (0, 0, 0, 1)
    assert "Wrong PIN" in shown
    assert ("Message authentication code" in shown) == (terminal == demo.MAC_TERMINAL)


def test_a_terminal_with_a_wrong_mac_key_believes_nothing(
    demo_switch: DemoSwitch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "mac.key"
    wrong.touch(0o600)
    wrong.write_text(demo_keys.PIN_KEY)
    counter = Counter(demo_switch, tmp_path, demo.MAC_TERMINAL, 790_000)

    status = counter.run("purchase", "--amount=1000", f"--mac-key={wrong}")

    assert status == 2
    assert "it says 63 mac_wrong" in capsys.readouterr().out


def test_a_chip_is_believed_and_believes_and_its_copy_is_not(
    demo_switch: DemoSwitch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = demo_keys.chip_card(demo.CROWD_PANS[23])
    for name in ("card.json", "copy.json"):
        write_new(tmp_path / name, card)
    counter = Counter(demo_switch, tmp_path, PLAIN, 780_000)

    first = counter.run("purchase", "--amount=1000", f"--reader=virtual:{tmp_path / 'card.json'}")
    paid = capsys.readouterr()
    copied = counter.run("purchase", "--amount=1000", f"--reader=virtual:{tmp_path / 'copy.json'}")

    assert (first, copied) == (0, 1)
    assert "55.91" in paid.out
    assert "believe" not in paid.err
    assert "Chip was read before" in capsys.readouterr().out


def test_a_tap_in_stripe_mode_is_good_once(
    demo_switch: DemoSwitch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = demo_keys.chip_card(demo.CROWD_PANS[24])
    for name in ("card.json", "copy.json"):
        write_new(tmp_path / name, card)
    counter = Counter(demo_switch, tmp_path, PLAIN, 781_000)

    def taps(name: str) -> int:
        return counter.run(
            "purchase", "--amount=1000", f"--reader=virtual-stripe:{tmp_path / name}"
        )

    first = taps("card.json")
    paid = capsys.readouterr().out
    copied = taps("copy.json")

    assert (first, copied) == (0, 1)
    assert "912" in paid
    assert "Chip was read before" in capsys.readouterr().out


def test_vouchers_are_redeemed_before_and_after_a_key_exchange(
    demo_switch: DemoSwitch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    counter = Counter(demo_switch, tmp_path, VOUCHER_TERMINAL, 700_000)

    def trades(place: int) -> tuple[int, int]:
        serial, price = demo_vouchers.serial(place), f"--amount={demo_vouchers.VALUE_MINOR}"
        sold = counter.run("activation", f"--card={serial}", price)
        monkeypatch.setattr("sys.stdin", io.StringIO(demo_vouchers.pin(place) + "\n"))
        return sold, counter.run("redeem", f"--card={MEMBER}", "--voucher-pin-file=-")

    before = trades(5)
    exchanged = counter.run("key-exchange")
    after = trades(6)
    monkeypatch.setattr("sys.stdin", io.StringIO(demo_vouchers.pin(7) + "\n"))
    capsys.readouterr()
    unsold = counter.run("redeem", f"--card={MEMBER}", "--voucher-pin-file=-")
    reversed_ = counter.run("reversal", f"--card={MEMBER}")

    shown = capsys.readouterr().out
    assert (before, exchanged, after, unsold, reversed_) == ((0, 0), 0, (0, 0), 1, 0)
    assert "This PIN is not good" in shown
    assert all(demo_vouchers.pin(place) not in shown for place in (5, 6, 7))
    kept = (tmp_path / "terminal.json").read_text()
    assert "48.VP" not in kept
    assert all(demo_vouchers.pin(place) not in kept for place in (5, 6, 7))
