"""The words for readers on the command line."""

import builtins
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from acquirers.terminal.cards.pcsc import PcscReader, is_contactless
from acquirers.terminal.cards.readers import UnknownReaderError, reader_of
from acquirers.terminal.cards.reading import ReaderUnavailableError, Terms
from acquirers.terminal.cards.stripe import StripeReader
from acquirers.terminal.cards.virtual import VirtualReader
from tests.acquirers.terminal.cards.samples import card_file


def test_each_reader_has_its_word(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    card_file(path)

    assert isinstance(reader_of(f"stripe:{path}"), StripeReader)
    assert isinstance(reader_of(f"virtual:{path}"), VirtualReader)
    assert isinstance(reader_of("pcsc"), PcscReader)
    assert isinstance(reader_of("pcsc:Virtual PCD 00 00"), PcscReader)


@pytest.mark.parametrize("wish", ["", "stripe", "stripe:", "virtual:", "abacus:1", "PCSC"])
def test_another_word_is_answered_with_the_list(wish: str) -> None:
    with pytest.raises(UnknownReaderError, match="stripe:FILE, virtual:FILE"):
        reader_of(wish)


async def test_without_pyscard_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without_pyscard(name: str, *rest: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "smartcard":
            raise ImportError(f"No module named {name!r}")
        return found(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without_pyscard)

    with pytest.raises(ReaderUnavailableError, match=r"pip install 'bashgah\[pcsc\]'"):
        await PcscReader().wait_for_card(
            Terms(transaction_type="00", local_date=date(2026, 11, 22))
        )


@pytest.mark.parametrize(
    ("answer_to_reset", "contactless"),
    [
        ("3B80800101", True),
        ("3B8F8001804F0CA000000306030001000000006A", True),
        ("3B800181", False),
        ("3B6500002063CB6800", False),
        ("", False),
    ],
)
def test_the_answer_to_reset_tells_the_antenna(answer_to_reset: str, contactless: bool) -> None:
    assert is_contactless(bytes.fromhex(answer_to_reset)) is contactless
