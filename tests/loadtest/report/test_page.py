"""The whole page: well-formed, alone, complete in both languages, and harmless whatever a run says.

Method: the page is XML but for its doctype, so the standard library's parsers see every element.
"""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from msgspec import structs

from loadtest.limit import LimitResult, Search, Target, find_limit
from loadtest.report import Language, render
from loadtest.result import BooksVerdict, Counts, Faults, Percentiles, ProcessSample, RunResult
from loadtest.sweep import SweepResult, sweep
from tests.support.load_results import Host, rich_result

SVG = "{http://www.w3.org/2000/svg}"
PAN = "9364001100000016"
PAGE_BYTES_MAX = 1_000_000
QUICK = Search(ascent_seconds=2, bisection_seconds=4, confirmation_seconds=6)
BOTH = pytest.mark.parametrize("language", list(Language))


@pytest.fixture(scope="module")
def run() -> RunResult:
    return rich_result(30)


@pytest.fixture(scope="module")
def limit() -> LimitResult:
    return find_limit(Host(50_000).run, Target(p99_ms=50.0), QUICK)


@pytest.fixture(scope="module")
def curve() -> SweepResult:
    return sweep(Host(50_000).run, 44_000, seconds=3)


class Elements(HTMLParser):
    """What a browser would fetch, run or follow."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def parsed(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def texts(page: str) -> str:
    return " ".join(parsed(page).itertext())


@BOTH
def test_the_page_is_well_formed_and_small(
    language: Language, run: RunResult, limit: LimitResult, curve: SweepResult
) -> None:
    page = render(run, limit=limit, curve=curve, language=language)

    root = parsed(page)
    assert len(page.encode()) < PAGE_BYTES_MAX
    assert root.get("lang") == language
    assert root.get("dir") == ("rtl" if language is Language.PERSIAN else "ltr")
    # Curve, latency against load; throughput, latency, waiting, percentiles, commits, CPU, memory.
    assert len(list(root.iter(f"{SVG}svg"))) == 9


@BOTH
def test_the_page_needs_nothing_from_outside(
    language: Language, run: RunResult, limit: LimitResult, curve: SweepResult
) -> None:
    page = render(run, limit=limit, curve=curve, language=language)

    elements = Elements(page)
    addresses = set(re.findall(r"https?://[^\"' )<]*", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of SVG, not a place
    assert not set(elements.tags) & {"script", "link", "img", "iframe", "object", "embed", "a"}
    assert not {"src", "href", "onload", "onclick"} & {name for name, _ in elements.attributes}
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


@BOTH
def test_every_drawn_place_is_inside_its_plot(
    language: Language, run: RunResult, curve: SweepResult
) -> None:
    page = render(run, curve=curve, language=language)

    for svg in parsed(page).iter(f"{SVG}svg"):
        _, _, width, height = map(float, svg.attrib["viewBox"].split())
        for path in svg.iter(f"{SVG}path"):
            places = re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path.attrib["d"])
            assert places
            assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in places)


def test_no_word_is_left_in_the_other_language(run: RunResult, limit: LimitResult) -> None:
    english = texts(render(run, limit=limit))
    persian = render(run, limit=limit, language=Language.PERSIAN)

    assert not re.search("[\u0600-\u06ff]", english)
    heads = [heading.text or "" for heading in parsed(persian).iter("h2")]
    assert heads
    assert all(re.search("[\u0600-\u06ff]", head) for head in heads)
    labels = [text.text or "" for text in parsed(persian).iter(f"{SVG}text")]
    assert not [label for label in labels if re.search("[0-9a-z]", label)]


def test_persian_has_persian_digits_and_a_jalali_date(run: RunResult) -> None:
    page = texts(render(run, language=Language.PERSIAN))

    assert "۱۴۰۵/۰۹/۰۵ ۲۲:۴۲:۰۱ به وقت تهران" in page  # 2026-11-26 19:12:01 UTC
    assert "۱۲٬۳۴۵" in page


def test_faults_stand_first_and_red() -> None:
    wrong = structs.replace(
        Host(9_000).run(5_000, 4),
        faults=Faults(cross_talk=2, missing_reply=1_433),
        findings=("rrn 000000000012: the reply went to another terminal",),
    )

    page = render(wrong)

    sections = list(parsed(page).iter("section"))
    assert sections[0].get("class") == "verdict bad"
    said = " ".join(sections[0].itertext())
    assert "Failed: 1,435 faults in 20,000 answers" in said
    assert "2 replies that belong to another request" in said
    assert page.index('="verdict bad"') < page.index('="key-figures"')
    assert "the reply went to another terminal" in texts(page)


def test_books_that_differ_fail_the_page() -> None:
    differing = structs.replace(
        Host(9_000).run(5_000, 4),
        books=BooksVerdict(accounts=900, differences=3, examples=("account 7: 12 for 13",)),
    )

    page = render(differing)

    assert '<section class="verdict bad">' in page
    assert "3accounts of 900 differ" in "".join(parsed(page).itertext())
    assert "account 7: 12 for 13" in page


def test_a_good_run_is_green_and_says_what_was_not_looked_at() -> None:
    page = render(Host(9_000).run(5_000, 4))

    assert '<section class="verdict good">' in page
    assert "The books were not compared." in page
    assert 'class="cautions"' not in page


def test_what_weakens_the_figures_is_said() -> None:
    weak = Host(9_000, unavailable_above=8_000).run(12_000, 6)
    weak = structs.replace(
        weak,
        setting=structs.replace(weak.setting, open_loop=False),
        slip_p99_ms=2_500.0,
        counts=structs.replace(weak.counts, timed_out=17, late=5),
    )

    said = texts(render(weak))

    assert "Closed loop" in said
    assert "17 messages had no answer in time, 5 of them" in said
    assert "declined with 91" in said
    assert "still waiting to be sent at the end" in said
    assert "late by 2,500 ms" in said


def test_what_a_message_costs_is_of_the_measured_time() -> None:
    run = Host(9_000).run(5_000, 10)
    looks = [(-5.0, 0.0), (0.0, 5.0), (10.0, 10.0), (40.0, 10.5)]  # 5 s of CPU in 10 s, measured
    processes = tuple(
        ProcessSample(at_s=at_s, name="switch", cpu_seconds=cpu_seconds, resident_bytes=2**20)
        for at_s, cpu_seconds in looks
    )

    root = parsed(render(structs.replace(run, processes=processes)))

    [row] = [row for row in root.iter("tr") if row[0].text == "switch"]
    assert [cell.text for cell in row][1:4] == ["0.50", "0.50", "100"]  # µs: 0.5 s / 5,000


@BOTH
def test_a_card_number_is_masked_wherever_it_comes_from(language: Language) -> None:
    run = Host(9_000).run(5_000, 2)
    leaking = structs.replace(
        run,
        setting=structs.replace(run.setting, command=f"run --card {PAN}", host=PAN),
        findings=(f"card {PAN} was charged twice",),
        books=BooksVerdict(accounts=1, differences=1, examples=(f"card {PAN}",)),
        declines={PAN: 3},
        kinds={PAN: Counts(due=1)},
    )

    page = render(leaking, language=language)

    assert PAN not in page
    assert "936400******0016" in page


@BOTH
def test_text_of_a_run_is_no_markup(language: Language) -> None:
    evil = "</td><script>alert(1)</script>&\x00\x1b[31m"
    run = Host(9_000).run(5_000, 2)
    setting = structs.replace(
        run.setting, workload=evil, host=evil, arrival=evil, machine={evil: evil}, began_at=evil
    )
    processes = tuple(structs.replace(sample, name=evil) for sample in run.processes)

    page = render(
        structs.replace(
            run,
            setting=setting,
            processes=processes,
            findings=(evil,),
            declines={evil: 1},
            kinds={evil: run.counts},
        ),
        language=language,
    )

    parsed(page)  # raises if anything got through
    assert "script" not in Elements(page).tags


@pytest.mark.slow
def test_a_run_of_a_day_is_still_small() -> None:
    hour = rich_result(120)
    intervals = tuple(
        structs.replace(hour.intervals[second % 120], at_s=float(second))
        for second in range(86_400)
    )

    page = render(structs.replace(hour, seconds=86_400.0, intervals=intervals))

    assert len(page.encode()) < PAGE_BYTES_MAX
    assert "worst of 360 seconds" in page
    assert "time, h:min" in page


def test_a_run_without_answers_has_a_page() -> None:
    nothing = Percentiles(count=0, mean_ms=0, p50_ms=0, p90_ms=0, p99_ms=0, p999_ms=0, max_ms=0)
    run = Host(9_000).run(5_000, 2)
    silent = structs.replace(
        run,
        counts=Counts(due=10_000, sent=10_000, timed_out=10_000),
        faults=Faults(missing_reply=10_000),
        latency=nothing,
        histogram="",
        declines={},
        kinds={},
        kind_latency={},
        intervals=tuple(
            structs.replace(one, latency=nothing, counts=Counts(due=5_000)) for one in run.intervals
        ),
        processes=(),
        commits=(),
    )

    root = parsed(render(silent))
    empty = parsed(render(structs.replace(silent, intervals=(), seconds=0.0)))

    assert len(list(root.iter(f"{SVG}svg"))) == 3
    assert not list(empty.iter(f"{SVG}svg"))
