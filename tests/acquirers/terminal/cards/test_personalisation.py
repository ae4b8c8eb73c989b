"""The file that is a chip card: closed to others, never written over, a counter that only grows."""

import pickle
import threading
from pathlib import Path

import pytest

from acquirers.terminal.cards.personalisation import (
    ATC_MAX,
    PersonalisationError,
    PersonalisationFile,
    write_new,
)
from tests.acquirers.terminal.cards.samples import ICC_MASTER_KEY, PAN, card_file, personalised


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "card.json"


def test_a_card_is_read_as_it_was_written(path: Path) -> None:
    write_new(path, personalised())

    assert PersonalisationFile(path).read() == personalised()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_card_is_never_written_over(path: Path) -> None:
    file = card_file(path)
    file.take_atc()

    with pytest.raises(FileExistsError):
        write_new(path, personalised())

    assert file.read().atc == 1


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    file = card_file(path)
    path.chmod(0o640)

    with pytest.raises(PersonalisationError, match="open to others"):
        file.read()


@pytest.mark.parametrize(
    "changes",
    [
        {"pan": "12345"},
        {"expiry": "3013"},
        {"icc_master_key": "00"},
        {"track2": f"{PAN}D30122010000012300000".replace("D3012", "D3112")},
        {"track2": f"{PAN}D3012201{'0' * 20}"},
        {"application_id": "A000000003"},
        {"atc": ATC_MAX + 1},
    ],
)
def test_data_that_are_no_card_are_not_written(path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(PersonalisationError):
        write_new(path, personalised(**changes))

    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"pan": "9364001100000014"}', b"\xff"])
def test_a_file_that_is_no_card_is_named(path: Path, content: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(content)

    with pytest.raises(PersonalisationError, match=r"card\.json"):
        PersonalisationFile(path).read()


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(PersonalisationError, match="No such file"):
        PersonalisationFile(path).read()


def test_the_counter_grows_and_stays_grown(path: Path) -> None:
    file = card_file(path)

    taken = [file.take_atc(), file.take_atc(), PersonalisationFile(path).take_atc()]

    assert taken == [1, 2, 3]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_counter_ends_at_its_last_value(path: Path) -> None:
    file = card_file(path, atc=ATC_MAX - 1)

    assert (file.take_atc(), file.take_atc()) == (ATC_MAX, None)
    assert file.read().atc == ATC_MAX


def test_two_readers_never_take_the_same_counter(path: Path) -> None:
    card_file(path)
    taken: list[int | None] = []
    threads = [
        threading.Thread(
            target=lambda: taken.extend(PersonalisationFile(path).take_atc() for _ in range(5))
        )
        for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(number for number in taken if number) == list(range(1, 21))


def test_what_the_issuer_answered_last_never_goes_back(path: Path) -> None:
    file = card_file(path, atc=9)

    file.mark_online(8)
    file.mark_online(5)

    assert file.read().atc_online == 8


def test_a_card_shows_neither_its_key_nor_its_number() -> None:
    shown = repr(personalised())

    assert PAN not in shown
    assert ICC_MASTER_KEY not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(personalised())
