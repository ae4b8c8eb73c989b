"""docs/programmes.md shows every product as it is in code, and its first example works."""

import re

from switch.programme import Programme
from switch.programme_checks import findings
from tests.docs.write_programmes import PAGE, with_products


def test_products_are_shown_as_they_are() -> None:
    page = PAGE.read_text("utf-8")

    assert with_products(page) == page, "run python -m tests.docs.write_programmes"
    assert "### issuers/purse.py" in page


def test_the_ten_lines_are_a_programme_that_passes_its_checks() -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    names: dict[str, object] = {}

    exec(found[1], names)

    card = names["card"]
    assert isinstance(card, Programme)
    assert findings(card, None) == []
