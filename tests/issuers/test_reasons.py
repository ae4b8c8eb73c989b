"""Each reason of the products is reached by a test of this folder, with its exact name."""

import re
from pathlib import Path

import pytest

from switch.reasons import Reason

OF_PRODUCTS = sorted(
    reason for reason in Reason if 100 <= reason <= 110 or (reason >= 113 and reason != 120)
)


@pytest.mark.parametrize("reason", OF_PRODUCTS, ids=lambda reason: reason.name.lower())
def test_a_test_of_a_product_expects_it(reason: Reason) -> None:
    folder = Path(__file__).parent
    tests = "".join(path.read_text("utf-8") for path in folder.glob("test_*.py"))

    assert re.search(rf'reason[^\n]*==[^\n]*"{reason.name.lower()}"', tests)
