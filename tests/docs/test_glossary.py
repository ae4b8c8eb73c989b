"""The glossary is a table that people look things up in: sorted, complete, one row a word."""

from pathlib import Path

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (Path(__file__).parents[2] / "docs" / "GLOSSARY.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| word", "| ---"))
]


def test_every_word_has_a_meaning_and_four_columns() -> None:
    assert len(ROWS) > 50
    for row in ROWS:
        assert len(row) == 4, row
        assert row[0], row
        assert row[1], row


def test_words_stand_in_order_and_once() -> None:
    words = [row[0].lower() for row in ROWS]

    assert words == sorted(set(words))


def test_persian_terms_use_persian_letters() -> None:
    for row in ROWS:
        assert not set(row[2]) & set("يكةىۀ"), row
