"""`bashgah migrate` on a real database."""

import pytest

from bashgah import cli


@pytest.mark.slow
def test_migrate_brings_a_database_up_to_date_and_then_has_nothing_to_do(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = cli.run(["migrate", "--dsn", empty_database])
    first_lines = capsys.readouterr().out.splitlines()

    second = cli.run(["migrate", "--dsn", empty_database])
    second_lines = capsys.readouterr().out.splitlines()

    assert (first, second) == (0, 0)
    assert first_lines
    assert all(line.startswith("applied 0") for line in first_lines)
    assert second_lines == ["nothing to do"]
