"""`bashgah programme` at a whole site: a version on its way, over a kill, and what is refused."""

import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from bashgah.demo_loader import LIMITS
from bashgah.programme_files import read_day, read_definition, write_definition
from bashgah.site import Site
from issuers.credit import credit
from switch.errors import OperatingError
from switch.operations import Operation
from switch.programme import Programme
from tests.source_tree import ROOT
from tests.support.programmes import products
from tests.support.site import running_site

DAY = 86_400


def bashgah(site: Site, *arguments: str, by: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "bashgah", "programme", *arguments),
            *("--config", str(site.config_path), "--by", by),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
async def test_a_version_goes_its_way_by_commands_and_is_known_after_a_kill(
    tmp_path: Path,
) -> None:
    async with running_site(lambda line: None) as site:
        exported = bashgah(site, "export", "1", by="sara")
        draft = ("draft", "issuers.purse:purse", "--version", "2")
        in_a_month = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 40 * DAY))
        drafted = bashgah(site, *draft, by="sara")
        again = bashgah(site, *draft, by="sara")
        early = bashgah(site, "approve", "1", by="reza")
        checked = bashgah(site, "check", "1", by="sara")
        alone = bashgah(site, "approve", "1", by="sara")
        approved = bashgah(site, "approve", "1", by="reza")
        announced = bashgah(site, "announce", "1", "--on", in_a_month, by="reza")
        site.switch.kill()
        site.switch.start()
        await site.switch.wait_ready()
        status = bashgah(site, "status", "1", by="sara")
        retired = bashgah(site, "retire", "1", "--version", "2", by="sara")
        of_live = bashgah(site, "export", "1", "--version", "1", by="sara")
        unknown = [bashgah(site, what, "1", "--version", "9", by="sara")
                   for what in ("export", "retire")]  # fmt: skip
        nobody = bashgah(site, "export", "99", by="sara")

    following = tmp_path / "next.toml"
    following.write_text(exported.stdout, "utf-8")
    read = read_definition(str(following), programme=0, version=0, club=0)
    assert (read.name, read.version, read.limits) == ("Purse", 2, LIMITS), exported.stderr
    assert of_live.stdout == exported.stdout.replace("version = 2", "version = 1")
    for ended in unknown:
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "programme 1 has no version 9" in ended.stderr
    assert (nobody.returncode, len(nobody.stderr.splitlines())) == (2, 1)
    assert drafted.stdout.startswith("shard 0: version 2 is draft, row "), drafted.stderr
    assert again.stdout == "shard 0: it is draft already\n"
    assert early.returncode == 2
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "somebody else has to approve it" in alone.stderr
    assert "version 2 is approved" in approved.stdout, approved.stdout + approved.stderr
    assert announced.returncode == 0, announced.stderr
    assert "version 2 (Purse): announced, live from" in status.stdout
    assert "  approved   " in status.stdout
    assert "version 2 is retired" in retired.stdout


@pytest.mark.slow
async def test_a_draft_that_breaks_a_promise_is_refused_with_its_counter_example(
    tmp_path: Path,
) -> None:
    worse = tmp_path / "worse.toml"
    worse.write_text(
        'programme = 1\nversion = 2\nclub = 1\nname = "Worse"\nname_fa = "بدتر"\n'
        'operations = ["purchase", "load", "balance"]\nlimits = {day_minor_max = 9}\n'
    )
    async with running_site(lambda line: None) as site:
        drafted = bashgah(site, "draft", str(worse), by="sara")
        checked = bashgah(site, "check", "1", by="sara")

    assert drafted.returncode == 0, drafted.stderr
    assert checked.returncode == 1
    assert "refused: tender: a card with 1 point could not pay with it any more" in checked.stdout


@given(products() | products(many=True))
def test_a_definition_that_was_written_is_read_again(programme: Programme) -> None:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "card.toml"
        file.write_text(write_definition(programme), "utf-8")

        assert read_definition(str(file), programme=0, version=0, club=0) == programme


def test_a_definition_says_operations_and_terms_in_words(tmp_path: Path) -> None:
    written = write_definition(credit(18, 1, 1))
    file = tmp_path / "card.toml"
    file.write_text(written.replace('"profit_declining"', '"interest"'), "utf-8")

    assert '"repayment"' in written
    with pytest.raises(OperatingError, match=r"'interest' is none of none, flat_spread"):
        read_definition(str(file), programme=0, version=0, club=0)


def test_a_day_is_said_in_either_calendar() -> None:
    assert read_day("1405/10/01") == read_day("2026-12-22")
    assert read_day("2026-12-22") == (date(2026, 12, 22) - date(1970, 1, 1)).days
    for wrong in ("1405/13/01", "tomorrow", "1404/12/30"):
        with pytest.raises(OperatingError):
            read_day(wrong)


def test_a_definition_is_read_from_a_file_or_a_function(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text(
        '{"programme":3,"version":1,"club":1,"name":"n","name_fa":"n","operations":["hold",1]}'
    )

    of_file = read_definition(str(file), programme=0, version=0, club=0)
    of_function = read_definition("issuers.purse:purse", programme=7, version=2, club=5)

    assert of_file.operations == (Operation.HOLD, Operation.PURCHASE)
    assert (of_function.programme, of_function.version, of_function.club) == (7, 2, 5)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("nothing", "neither"),
        ("issuers.purse:none", "none"),
        ("issuers.none:purse", "issuers.none"),
        ("issuers.pricings:PRICINGS", "callable"),
        ("/nowhere/card.toml", "No such file"),
    ],
)
def test_what_is_no_definition_is_refused(source: str, error: str) -> None:
    with pytest.raises(OperatingError, match=error):
        read_definition(source, programme=1, version=1, club=1)
