"""A voucher's PIN at the terminal: mistyped ones are found, right ones leave encrypted only."""

import io
from pathlib import Path

import pytest

from acquirers.terminal.voucher_pin import VoucherPinError, encrypted
from hsm_sim import _vouchers
from hsm_sim._keys import Key
from hsm_sim.check_digits import damm_digit
from switch.iso8583 import Message
from tests.acquirers.terminal.peer import Replies, answered
from tests.acquirers.terminal.test_command import Shell

SECRET = "0123456789ABCDEFFEDCBA9876543210"
KEY = Key.of(0, bytes.fromhex(SECRET))
DIGEST_KEY = Key.random(2, 32)
PIN = "271828182845904" + damm_digit("271828182845904")
MISTYPED = PIN[:3] + PIN[4] + PIN[3] + PIN[5:]


def digest_in(sent: str) -> bytes:
    """Give what an HSM makes of 48.VP."""
    data = bytes.fromhex(sent)
    return _vouchers.digest_encrypted(DIGEST_KEY, b"TEN", KEY, data[:8], data[8:])


@pytest.mark.parametrize("digits", [12, 15, 16, 20])
def test_an_hsm_reads_what_was_typed(digits: int) -> None:
    body = "31415926535897932384"[: digits - 1]
    pin = body + damm_digit(body)

    assert digest_in(encrypted(KEY, pin)) == _vouchers.digest(DIGEST_KEY, b"TEN", pin.encode())


@pytest.mark.parametrize(
    "typed",
    [
        f" {PIN[:4]}-{PIN[4:8]} {PIN[8:]}\n",
        PIN.translate({48 + digit: 0x6F0 + digit for digit in range(10)}),
    ],
)
def test_it_is_typed_as_it_is_printed(typed: str) -> None:
    assert digest_in(encrypted(KEY, typed)) == digest_in(encrypted(KEY, PIN))


def test_the_same_pin_never_looks_the_same() -> None:
    assert len({encrypted(KEY, PIN) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (MISTYPED, "mistyped"),
        (PIN[:-1] + str((int(PIN[-1]) + 1) % 10), "mistyped"),
        ("", "12 to 20 digits"),
        (PIN[:11], "12 to 20 digits"),
        (PIN + "00000", "12 to 20 digits"),
        (PIN[:-1] + "x", "12 to 20 digits"),
    ],
)
def test_what_is_none_is_refused_and_not_repeated(typed: str, said: str) -> None:
    with pytest.raises(VoucherPinError, match=said) as refused:
        encrypted(KEY, typed)

    assert not typed or typed not in str(refused.value)


# --- bashgah terminal redeem ----------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "terminal.json")


@pytest.fixture
def data_key(tmp_path: Path) -> str:
    path = tmp_path / "data.key"
    path.touch(0o600)
    path.write_text(SECRET)
    return f"--data-key={path}"


def worth(request: Message, number: int) -> Replies:
    return [answered(request, de48_VR="500000", de48_VT="70")]


def test_a_voucher_is_redeemed_and_its_pin_is_nowhere(
    shell: Shell,
    data_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return PIN

    monkeypatch.setattr("bashgah.commands.terminal.getpass", typed)

    status = shell.terminal("redeem", "--card=1", data_key, script=worth)

    (request,) = shell.requests
    shown = "".join(capsys.readouterr())
    kept = "".join(
        path.read_text() for path in tmp_path.iterdir() if path.name.startswith("terminal")
    )
    assert (status, request[3], "4" in request) == (0, "730000", False)
    assert digest_in(request["48.VP"]) == digest_in(encrypted(KEY, PIN))
    assert asked == ["voucher PIN: "]
    assert "VOUCHER REDEEMED" in shown
    assert "Voucher's value             500,000 rial" in shown
    assert "Voucher's points               70 points" in shown
    for secret in (PIN, request["48.VP"]):
        assert secret not in shown
        assert secret not in kept


def test_a_persian_receipt_tells_the_vouchers_worth(
    shell: Shell, data_key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pin").write_text(PIN)

    shell.terminal(
        "redeem", data_key, f"--voucher-pin-file={tmp_path / 'pin'}", "--lang=fa", script=worth
    )

    shown = capsys.readouterr().out
    assert "شارژ با کارت شارژ" in shown
    assert "ارزش کارت شارژ" in shown
    assert "۵۰۰٬۰۰۰" in shown


def test_a_mistyped_pin_is_told_and_not_sent(
    shell: Shell,
    data_key: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(MISTYPED + "\n"))

    status = shell.terminal("redeem", data_key, "--voucher-pin-file=-")

    assert status == 2
    assert capsys.readouterr().err == (
        "bashgah terminal: the PIN was mistyped: look at its digits again\n"
    )
    assert shell.requests == []


def test_without_a_data_key_no_pin_is_asked_for(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    status = shell.terminal("redeem", "--terminal=T9999999", "--merchant=M")

    assert status == 2
    assert "needs the terminal's data key" in capsys.readouterr().err
    assert shell.requests == []


def test_a_redemption_without_a_reply_is_reversed_and_not_repeated(
    shell: Shell, data_key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pin").write_text(PIN)

    def silent(request: Message, number: int) -> Replies:
        return [] if request.mti == "0200" else [answered(request)]

    status = shell.terminal(
        "redeem", data_key, f"--voucher-pin-file={tmp_path / 'pin'}", script=silent
    )
    rrn = shell.requests[0][37]
    again = shell.terminal("repeat", f"--of={rrn}")

    assert (status, again) == (2, 2)
    assert [request.mti for request in shell.requests] == ["0200", "0400"]
    assert shell.requests[1][3] == "730000"
    assert "48.VP" not in shell.requests[1]
    assert "redeem it again" in capsys.readouterr().err
