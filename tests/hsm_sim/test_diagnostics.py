"""Commands about the HSM itself, read as public decoders read them."""

import re

import pytest

from hsm_sim.fields import Fields
from hsm_sim.health import SECOND_NS, Health
from hsm_sim.hsm import Command, Hsm
from tests.support.hsm import published_hsm

AT_NS = 1_790_000_000 * SECOND_NS  # 2026-09-21 14:13:20 UTC
AT = b"260921141320"


def test_nc_tells_the_check_value_of_the_lmk_that_is_named() -> None:
    hsm = published_hsm()

    first, second = hsm.execute(b"NC"), hsm.execute(b"NC%01")

    assert first == b"ND00" + hsm.lmks[0].check_value.encode() + b"0100-0001"
    assert second == b"ND00" + hsm.lmks[1].check_value.encode() + b"0100-0001"
    assert hsm.execute(b"NC%07") == b"ND13"


def test_a_trailer_comes_back() -> None:
    assert published_hsm().execute(b"NO01\x19abc") == b"NP000\x19abc"
    assert published_hsm().execute(b"NO99\x19abc") == b"NP15\x19abc"


@pytest.mark.parametrize(
    "message",
    [
        b"CYU0123\x19abc",  # ends in the middle of a key
        b"CY" + b"0" * 32 + b"12\x19abc",  # of a code
        b"NO0x\x19abc",
        b"NO01 and more\x19abc",
        b"NO\x19abc",
        b"XX of nobody\x19abc",
        b"??\x19abc",
    ],
)
def test_a_trailer_comes_back_wherever_reading_has_stopped(message: bytes) -> None:
    answer = published_hsm().execute(message)

    assert answer[2:4] != b"00"
    assert answer[4:] == b"\x19abc"


@pytest.mark.parametrize(
    "message",
    [
        b"NO0x",
        b"NO0x\x19" + b"a" * 33,  # too long for one
        b"NO0x\x19ab\x00",  # binary: a field, for all we know
        # A 19 among data that were taken is data.
        b"KQ00U" + b"0" * 32 + bytes(8) + b"\x00\x19" + b"abcd" + b"0",
    ],
)
def test_what_is_no_trailer_does_not_come_back(message: bytes) -> None:
    assert len(published_hsm().execute(message)) == 4


def test_no_tells_buffer_protocol_sockets_and_firmware() -> None:
    assert published_hsm().execute(b"NO00") == b"NP003164" + b"0100-0001" + b"00000"


def test_a_variant_lmk_does_not_separate_key_type_002() -> None:
    blocks_only = published_hsm()
    del blocks_only.lmks[0]

    assert published_hsm().execute(b"NO01") == b"NP000"
    assert blocks_only.execute(b"NO01") == b"NP001"


@pytest.mark.parametrize("mode", [b"", b"0", b"02", b"XX"])
def test_no_knows_two_modes(mode: bytes) -> None:
    assert published_hsm().execute(b"NO" + mode) == b"NP15"


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (b"0003abc", b"00abc"),
        (b"0000", b"00"),
        (b"0004\x19\xff%;", b"00\x19\xff%;"),
        (b"000Babc%01\x19de\x00x", b"00abc%01\x19de\x00x"),
        (b"0004abc", b"80"),
        (b"0002abc", b"15"),
        (b"00xxabc", b"15"),
        (b"00", b"15"),
    ],
)
def test_echo_goes_by_its_length(fields: bytes, answer: bytes) -> None:
    assert published_hsm().execute(b"B2" + fields) == b"B3" + answer


def test_random_bytes_are_as_many_as_asked_for_and_differ() -> None:
    hsm = published_hsm()

    values = {hsm.execute(b"N0016") for _ in range(50)}

    assert len(values) == 50
    assert {len(value) for value in values} == {4 + 16}
    assert hsm.execute(b"N0000") == b"N101"
    assert hsm.execute(b"N0257") == b"N101"
    assert hsm.execute(b"N0xyz") == b"N115"


def test_jk_tells_of_each_lmk() -> None:
    hsm = published_hsm(now_ns=lambda: AT_NS)
    hsm.authorised = True
    checks = [lmk.check_value.encode() for lmk in hsm.lmks.values()]

    answer = hsm.execute(b"JK")

    assert answer == (
        b"JL00SIMULATED001" + AT + b"2213001" + b"020200"
        b"00101V0T" + checks[0] + b"\x14" + b"01101K2T" + checks[1] + b"\x15" + b"00"
    )


def test_j4_counts_commands() -> None:
    hsm = published_hsm(now_ns=lambda: AT_NS)
    for command in (b"NC", b"NC", b"B20000", b"B2broken", b"??"):
        hsm.execute(command)

    answer = hsm.execute(b"J4")

    volumes = b"B2000000000002" + b"J4000000000001" + b"NC000000000002"
    assert answer == b"J500SIMULATED001" + AT * 3 + b"0000000000" + volumes


def test_j2_tells_how_busy_the_seconds_were() -> None:
    now = [AT_NS]
    hsm = published_hsm(now_ns=lambda: now[0])
    hsm.health.worked(AT_NS, AT_NS + SECOND_NS * 55 // 100)
    now[0] = AT_NS + 4 * SECOND_NS

    answer = hsm.execute(b"J2")

    start = len(b"J300SIMULATED001" + AT * 3)
    assert answer[start : start + 10] == b"0000000004"
    shares = re.findall(rb"(\d{3})(\d{3})(\d{10});", answer[start + 10 :])
    assert len(shares) == 10
    assert [(share[0], int(share[2])) for share in shares if int(share[2])] == [
        (b"000", 3),
        (b"050", 1),
    ]


def test_j8_and_jk_tell_of_too_many_wrong_pins() -> None:
    hsm = published_hsm(now_ns=lambda: AT_NS)
    before = hsm.execute(b"J8"), hsm.execute(b"JK")[-2:]
    for _ in range(1_003):
        hsm.pin_watch.record(matched=False)
    after = hsm.execute(b"J8"), hsm.execute(b"JK")[-2:]

    start = b"J900SIMULATED001" + AT * 3 + b"0000000001" + b"0000000000"
    assert before == (start + b"0000000" + b"00000" + b"00000000", b"00")
    # More than a thousand in a row: an attack, three times.
    assert after == (start + b"0000000" + b"00000" + b"00000003", b"01")


def test_work_over_the_end_of_a_second_counts_where_it_ended() -> None:
    health = Health(lambda: AT_NS)

    health.worked(AT_NS + SECOND_NS - 1_000, AT_NS + SECOND_NS + 999_000_000)
    health.advance(AT_NS + 2 * SECOND_NS)

    assert health.load_seconds == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_a_clock_that_is_set_back_spoils_no_count() -> None:
    health = Health(lambda: AT_NS)

    health.worked(AT_NS, AT_NS - 5 * SECOND_NS)
    health.advance(AT_NS - 4 * SECOND_NS)

    assert health.load_seconds == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def test_ra_ends_the_authorised_state() -> None:
    secret = Command("QQ", "Only authorised", lambda *_: b"done", authorised=True)
    hsm = published_hsm(secret)
    hsm.authorised = True

    before = hsm.execute(b"QQ")
    ended = hsm.execute(b"RA")

    assert (before, ended, hsm.execute(b"QQ")) == (b"QR00done", b"RB00", b"QR17")


def chained(*commands: bytes, flag: bytes = b"0") -> bytes:
    parts = b"".join(b"%04d" % len(command) + command for command in commands)
    return b"NK" + flag + b"%02d" % len(commands) + parts


def test_a_chain_answers_each_command() -> None:
    hsm = published_hsm()

    answer = hsm.execute(chained(b"B20003abc", b"NO99", b"??"))

    assert answer == b"NL00" + b"03" + b"0007B300abc" + b"0004NP15" + b"0004ZZZZ"


def test_a_chain_with_headers_gives_them_back() -> None:
    answer = published_hsm().execute(chained(b"\x19%;1B20001x", b"\x00\x00\x00\x00NO01", flag=b"1"))

    assert answer == b"NL0002" + b"0009\x19%;1B300x" + b"0009\x00\x00\x00\x00NP000"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (chained(b"NO01", chained(b"NO01")), b"52"),
        (b"NK000", b"52"),
        (b"NK0xx", b"52"),
        (b"NK", b"15"),
        (b"NK201" + b"0004NO01", b"51"),
        (b"NK002" + b"0004NO01", b"15"),
        (b"NK001" + b"0004NO01rest", b"15"),
        (b"NK001" + b"0001N", b"15"),
        (b"NK001" + b"9999NO01", b"15"),
        (b"NK001" + b"-004NO01", b"15"),
    ],
)
def test_a_chain_with_a_fault_runs_nothing(message: bytes, code: bytes) -> None:
    hsm = published_hsm(Command("QQ", "Counted", count))

    assert hsm.execute(message) == b"NL" + code
    assert hsm.health.counts == {"NK": 1}


def count(hsm: Hsm, fields: Fields) -> bytes:
    raise AssertionError("nothing of the chain should run")


def test_responses_of_a_chain_that_fill_no_frame_are_refused() -> None:
    long = Command("QQ", "Long", lambda *_: bytes(9_000))
    hsm = published_hsm(long)

    assert hsm.execute(chained(*[b"QQ"] * 7))[:4] == b"NL00"
    assert hsm.execute(chained(*[b"QQ"] * 8)) == b"NL80"


def test_a_response_longer_than_four_digits_can_say_is_refused() -> None:
    hsm = published_hsm(Command("QQ", "Long", lambda *_: bytes(10_000)))

    assert hsm.execute(chained(b"QQ")) == b"NL80"
