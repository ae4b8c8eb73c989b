"""Every rule of docs/pos-interface.md, as a conversation with a real switch.

Goal: a terminal vendor can trust the document to the element. Method: each `.toml` here is one
rule; its messages go to a switch on a real PostgreSQL over TCP, in both profiles, and every
element of every reply and every balance is compared (tests/golden/play.py).
"""

from pathlib import Path

import pytest

from acquirers.terminal.wire import wire_of
from tests.golden.demo_switch import DemoSwitch
from tests.golden.line import connected
from tests.golden.play import Player
from tests.golden.transcript import Transcript, transcripts

TRANSCRIPTS = transcripts()
INTERFACE = Path(__file__).parents[2] / "docs" / "pos-interface.md"

SCENES = [
    pytest.param(transcript, profile, id=f"{name}-{profile}")
    for name, transcript in TRANSCRIPTS.items()
    for profile in transcript.profiles
]


@pytest.mark.slow
@pytest.mark.parametrize(("transcript", "profile"), SCENES)
def test_the_switch_answers_as_the_interface_says(
    transcript: Transcript, profile: str, demo_switch: DemoSwitch
) -> None:
    wire = wire_of(profile)
    with connected(demo_switch.port[profile], wire) as line:
        Player(line, wire, demo_switch.cast).play(transcript)


@pytest.mark.slow
@pytest.mark.parametrize(("transcript", "profile"), SCENES)
def test_a_switch_whose_purse_is_priced_in_python_answers_the_same(
    transcript: Transcript, profile: str, slow_lane_switch: DemoSwitch
) -> None:
    wire = wire_of(profile)
    with connected(slow_lane_switch.port[profile], wire) as line:
        Player(line, wire, slow_lane_switch.cast).play(transcript)


@pytest.mark.parametrize("name", sorted(TRANSCRIPTS))
def test_a_transcript_names_a_heading_of_the_interface(name: str) -> None:
    headings = [
        line.lstrip("# ")
        for line in INTERFACE.read_text("utf-8").splitlines()
        if line.startswith("## ")
    ]

    assert TRANSCRIPTS[name].rule in headings


def test_every_section_that_rules_has_a_transcript() -> None:
    ruled = {transcript.rule for transcript in TRANSCRIPTS.values()}

    assert ruled >= {
        "3 Messages",
        "4 Elements",
        "5 Private elements",
        "6 Duplicates and repeats",
        "7 Reversals",
        "8 Holds and completions",
        "9 Network messages",
        "10 Response codes",
        "11 Bad input",
        "12 Limits and times",
    }
