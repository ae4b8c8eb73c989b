"""Goal: who tries the demo can use PIN, chip and keys. Method: the commands, as a user has them."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bashgah import demo_keys
from bashgah.cli import run
from bashgah.demo import MAC_TERMINAL, TERMINALS
from tests.bashgah.test_up import LEFT_SECONDS_MAX, data_dir, started

__all__ = ["data_dir"]

pytestmark = pytest.mark.slow


@contextmanager
def demo(directory: Path, *arguments: str) -> Iterator[str]:
    """Run the demo without its terminals as long as the block does; the port of pos-binary."""
    process: subprocess.Popen[str] = started(directory, "--terminals", "0", *arguments)
    assert process.stderr is not None
    said = ""
    try:
        while "ready;" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        found = re.search(r"^pos-binary: .*:(\d+)$", said, re.MULTILINE)
        assert found is not None, said
        yield found[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LEFT_SECONDS_MAX)
    assert process.returncode == 0


def hsms_of(directory: Path) -> Iterator[int]:
    """Give the pids of running HSMs whose files are in a demo's directory."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if "hsm\0serve\0" in words and str(directory) in words:
            yield int(path.parent.name)


class Person:
    """Somebody with terminals, and the demo's PIN in a file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pin = directory / "pin"
        self._pin.write_text(demo_keys.PIN)

    def does(self, port: str, terminal: str, *words: str) -> int:
        state = self._directory / f"{terminal}.json"
        return run(
            ["terminal", *words, f"--port={port}", f"--terminal={terminal}", f"--state={state}"]
        )

    def pays(self, port: str, terminal: str, *words: str) -> int:
        pays = ("purchase", "--amount=1000", f"--pin-file={self._pin}")
        return self.does(port, terminal, *pays, *words)


def test_pins_chips_and_new_keys_work_and_are_there_after_a_restart(
    data_dir: Path, tmp_path: Path
) -> None:
    person, plain = Person(tmp_path), TERMINALS[0][0]
    chip = f"--reader=virtual:{data_dir / demo_keys.CHIP_CARD_FILE}"
    with demo(data_dir) as port:
        first = [person.pays(port, terminal, "--card=1") for terminal in (plain, MAC_TERMINAL)]
        exchanged = [person.does(port, one, "key-exchange") for one in (plain, MAC_TERMINAL)]
        by_chip = person.pays(port, plain, chip)
    with demo(data_dir) as port:
        again = [person.pays(port, terminal, "--card=1") for terminal in (plain, MAC_TERMINAL)]
        by_chip_again = person.pays(port, plain, chip)

    assert first == exchanged == again == [0, 0]
    assert by_chip == by_chip_again == 0


def test_shards_verify_pins_and_refuse_key_exchange(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person, plain = Person(tmp_path), TERMINALS[0][0]
    with demo(data_dir, "--shards", "2") as port:
        paid = [
            person.pays(port, terminal, f"--card={card}")
            for card in (1, 2)
            for terminal in (plain, MAC_TERMINAL)
        ]
        capsys.readouterr()
        refused = person.does(port, plain, "key-exchange")

    assert paid == [0, 0, 0, 0]
    assert refused == 1
    assert "Unknown network code" in capsys.readouterr().out


def test_the_demo_ends_and_says_so_when_its_hsm_does(data_dir: Path) -> None:
    process = started(data_dir, "--terminals", "0")
    assert process.stderr is not None
    while "ready;" not in (line := process.stderr.readline()):
        assert line
    (hsm,) = hsms_of(data_dir)

    os.kill(hsm, signal.SIGKILL)
    _, errors = process.communicate(timeout=LEFT_SECONDS_MAX)

    assert process.returncode != 0
    assert "the HSM ended with code -9" in errors
