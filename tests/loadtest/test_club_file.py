"""A club's declaration as a file says what its programme says as a value."""

from pathlib import Path

import msgspec
import pytest

from bashgah.demo import CLUB, SHOPS
from issuers.purse import purse
from loadtest.club_file import ClubFileError, load_club


def test_the_demo_club_as_a_file_is_the_demo_club() -> None:
    club = load_club("bashgah-demo")

    declared = purse(1, 1, CLUB)
    # When points end decides no sum of a run.
    endless = tuple(
        msgspec.structs.replace(rule, expires_after_days=0) for rule in declared.earning
    )
    assert club.categories == {shop.merchant_id: shop.category for shop in SHOPS}
    assert club.programme.club == declared.club
    assert club.programme.discounts == declared.discounts
    assert club.programme.earning == endless
    assert club.programme.tender == declared.tender
    assert club.programme.commission_bps == declared.commission_bps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("club = 1\n", "missing required field `categories`"),
        ("club = 1\ncategories = {}\nrules = []\n", "unknown field `rules`"),
        ("club = 1\ncategories = {}\ncommission_bps = 10001\n", "from 0 to 10000"),
        ("club = ", "Invalid value"),
    ],
)
def test_what_is_no_club_is_refused_by_its_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "strange.toml"
    path.write_text(text)

    with pytest.raises(ClubFileError, match=message) as raised:
        load_club(str(path))

    assert "strange.toml" in str(raised.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ClubFileError, match=r"nobody\.toml: No such file"):
        load_club("nobody")
