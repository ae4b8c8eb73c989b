"""`bashgah terminal` as a person runs it, against a scripted peer; options, screen, exit status."""

import io
from pathlib import Path

import pytest

from acquirers.terminal.wire import wire_of
from bashgah.cli import run
from bashgah.demo import TERMINALS, TEST_CARDS
from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, open_block
from switch.iso8583 import Message
from tests.acquirers.terminal.cards.samples import card_file
from tests.acquirers.terminal.peer import Peer, Replies, Script, answered, peer_in_thread

BINARY = wire_of("pos-binary")


def approve(request: Message, number: int) -> Replies:
    return [answered(request)]


def decline(request: Message, number: int) -> Replies:
    return [answered(request, "51", de48_RC="insufficient_funds")]


class Shell:
    """A shell in which one peer listens and one state file is kept."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.requests: list[Message] = []

    def terminal(self, *words: str, script: Script = approve) -> int:
        """Run the command against a peer; give its exit status."""
        with peer_in_thread(BINARY, script) as peer:
            status = run(["terminal", *words, *self._options(peer)])
        self.requests += peer.requests
        return status

    def _options(self, peer: Peer) -> list[str]:
        return [
            f"--port={peer.address.port}",
            f"--state={self._state}",
            "--reply-seconds=0.2",
            "--repeats=0",
        ]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "terminal.json")


def test_a_purchase_shows_the_exchange_masked_and_the_receipt(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    status = shell.terminal("purchase", "--card=1", "--amount=250,000")

    shown = capsys.readouterr().out
    assert status == 0
    assert shell.requests[0][4] == "000000250000"
    assert shell.requests[0][2] == TEST_CARDS[0].pan
    assert TEST_CARDS[0].pan not in shown
    assert "Amount, transaction" in shown
    assert "250,000 rial" in shown


def test_a_persian_receipt_alone(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.terminal("purchase", "--amount=۲۵۰٬۰۰۰", "--lang=fa", "--receipt-only")

    shown = capsys.readouterr().out
    assert "۲۵۰٬۰۰۰ ریال" in shown
    assert "Amount" not in shown


def test_a_decline_ends_with_status_1(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    status = shell.terminal("purchase", "--amount=1", script=decline)

    assert status == 1
    assert "Insufficient funds" in capsys.readouterr().out


def test_no_reply_is_reversed_and_ends_with_status_2(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    def silent(request: Message, number: int) -> Replies:
        return [] if request.mti == "0200" else [answered(request)]

    status = shell.terminal("purchase", "--amount=1", script=silent)

    assert status == 2
    assert [request.mti for request in shell.requests] == ["0200", "0400"]
    assert "nothing moved" in capsys.readouterr().out


def test_the_last_purchase_is_reversed_in_the_next_run(shell: Shell) -> None:
    shell.terminal("purchase", "--card=2", "--amount=5000")
    shell.terminal("reversal")

    purchase, reversal = shell.requests
    assert reversal[90].startswith("0200" + purchase[11])
    assert (reversal[2], reversal[4]) == (purchase[2], purchase[4])
    assert reversal[11] != purchase[11]


def test_the_last_message_is_repeated_as_it_was(shell: Shell) -> None:
    shell.terminal("mixed", "--amount=5000", "--points=10")
    shell.terminal("repeat")

    first, repeat = shell.requests
    assert (first.mti, repeat.mti) == ("0200", "0201")
    assert dict(first) == dict(repeat)


def test_the_merchant_of_a_demo_terminal_is_known(shell: Shell) -> None:
    terminal_id, merchant_id = TERMINALS[-1]

    shell.terminal("echo", f"--terminal={terminal_id}")

    assert shell.requests[0][41].strip() == terminal_id
    assert shell.requests[0][42].strip() == merchant_id.strip()


@pytest.mark.parametrize(
    "words",
    [
        ("dance",),
        ("purchase",),
        ("purchase", "--amount=1.5"),
        ("purchase", "--amount=1", "--card=99"),
        ("refund",),
        ("repeat",),
        ("cut-over",),
        ("echo", "--profile=carrier-pigeon"),
        ("purchase", "--amount=1", "--reader=abacus"),
        ("purchase", "--amount=1", "--card=1", "--reader=stripe:x"),
        ("purchase", "--amount=1", "--pin", "--terminal=X0000001"),
        ("key-exchange", "--terminal=X0000001"),
        ("purchase", "--amount=1", "--pin", "--pin-file=x"),
        ("instalments", "--amount=1"),
        ("load", "--amount=1", "--plan=1"),
        ("register-item", "--serial=تلویزیون"),
    ],
)
def test_what_is_not_understood_is_one_line_and_nothing_is_sent(
    words: tuple[str, ...], shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    status = shell.terminal(*words)

    complaint = capsys.readouterr().err
    assert status == 2
    assert shell.requests == []
    assert complaint.startswith("bashgah terminal: ")
    assert complaint.count("\n") == 1


def test_history_tells_what_happened_without_a_connection(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.terminal("purchase", "--amount=5000")
    capsys.readouterr()

    status = shell.terminal("history")

    assert status == 0
    assert len(shell.requests) == 1
    assert "5,000  00  PURCHASE" in capsys.readouterr().out


def test_without_an_operation_it_asks(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["balance", "1", "quit"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))

    status = shell.terminal()

    assert status == 0
    assert shell.requests[0][3] == "310000"
    assert "BALANCE" in capsys.readouterr().out


def test_a_virtual_card_pays_and_its_reversal_needs_it_again(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = card_file(tmp_path / "card.json")
    reader = f"--reader=virtual:{tmp_path / 'card.json'}"

    paid = shell.terminal("purchase", "--amount=250000", reader)
    shell.terminal("reversal", reader)

    purchase, reversal = shell.requests
    shown = capsys.readouterr()
    assert paid == 0
    assert (purchase[22], purchase["55.9F36"]) == ("072", "0001")
    assert reversal[90].startswith("0200" + purchase[11])
    assert "55" not in reversal
    assert card.read().atc == 2
    assert "Present the card" in shown.err
    assert card.read().pan not in shown.out + shown.err


def test_a_read_card_repeats_its_message_with_a_new_proof(shell: Shell, tmp_path: Path) -> None:
    card_file(tmp_path / "card.json")
    reader = f"--reader=virtual:{tmp_path / 'card.json'}"

    shell.terminal("purchase", "--amount=250000", reader)
    shell.terminal("repeat", reader)

    first, repeat = shell.requests
    assert (first.mti, repeat.mti) == ("0200", "0201")
    assert (first[11], first[35]) == (repeat[11], repeat[35])
    assert (first["55.9F36"], repeat["55.9F36"]) == ("0001", "0002")


def test_a_payment_that_its_card_does_not_believe_is_reversed_and_not_approved(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card_file(tmp_path / "card.json")

    def forge(request: Message, number: int) -> Replies:
        if request.mti == "0400":
            return [answered(request)]
        return [answered(request, de55="910A" + "00" * 8 + "3030")]

    status = shell.terminal(
        "purchase", "--amount=1", f"--reader=virtual:{tmp_path / 'card.json'}", script=forge
    )

    shown = capsys.readouterr().out
    assert status == 1
    assert [request.mti for request in shell.requests] == ["0200", "0400"]
    assert "refused its issuer's answer" in shown
    assert "Reversed, nothing moved" in shown


def test_a_card_file_that_is_missing_is_one_line(
    shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = shell.terminal(
        "purchase", "--amount=1", f"--reader=virtual:{tmp_path / 'missing.json'}"
    )

    assert status == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert shell.requests == []


def test_an_echo_needs_no_card(shell: Shell, tmp_path: Path) -> None:
    card = card_file(tmp_path / "card.json")

    assert shell.terminal("echo", f"--reader=virtual:{tmp_path / 'card.json'}") == 0

    assert card.read().atc == 0


def test_where_a_reader_is_the_dialog_asks_for_no_card(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card_file(tmp_path / "card.json")
    answers = iter(["balance", "quit"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))

    status = shell.terminal(f"--reader=virtual:{tmp_path / 'card.json'}")

    assert status == 0
    assert shell.requests[0][22] == "072"


PIN_KEY = "0123456789ABCDEFFEDCBA9876543210"


@pytest.fixture
def pin_key(tmp_path: Path) -> str:
    path = tmp_path / "pin.key"
    path.touch(0o600)
    path.write_text(PIN_KEY + "\n")
    return f"--pin-key={path}"


def pin_in(request: Message) -> bytes:
    """Give the PIN that the host finds in DE 52."""
    key = Key.of(0, bytes.fromhex(PIN_KEY))
    account = TEST_CARDS[0].pan[-13:-1].encode()
    return open_block(key, bytes.fromhex(request[52]), FORMATS["ISO-0"], account).revealed()


def test_a_pin_that_was_asked_for_is_sealed_and_not_shown(
    shell: Shell,
    pin_key: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("bashgah.commands.terminal.getpass", lambda prompt: "4711")

    status = shell.terminal("purchase", "--amount=1", "--pin", pin_key)

    assert status == 0
    assert pin_in(shell.requests[0]) == b"4711"
    assert "4711" not in "".join(capsys.readouterr())


def test_a_pin_is_read_from_a_file_or_from_standard_input(
    shell: Shell, pin_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pin").write_text("4712\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("4713\nmore"))

    shell.terminal("purchase", "--amount=1", f"--pin-file={tmp_path / 'pin'}", pin_key)
    shell.terminal("balance", "--pin-file=-", pin_key)

    assert [pin_in(request) for request in shell.requests] == [b"4712", b"4713"]


def test_a_reversal_asks_for_no_pin(shell: Shell, pin_key: str, tmp_path: Path) -> None:
    shell.terminal("purchase", "--amount=1")

    status = shell.terminal("reversal", f"--pin-file={tmp_path / 'missing'}", pin_key)

    assert status == 0
    assert "52" not in shell.requests[1]


def test_a_chip_card_with_a_pin_tells_its_host(shell: Shell, pin_key: str, tmp_path: Path) -> None:
    card_file(tmp_path / "card.json")
    (tmp_path / "pin").write_text("4712")

    shell.terminal(
        "purchase",
        "--amount=1",
        f"--reader=virtual:{tmp_path / 'card.json'}",
        f"--pin-file={tmp_path / 'pin'}",
        pin_key,
    )

    (request,) = shell.requests
    assert (request[22], request["55.9F34"], len(request[52])) == ("071", "420300", 16)


@pytest.mark.parametrize("typed", ["", "123", "1234567890123", "12a4", "۱۲۳۴"])
def test_what_is_no_pin_is_refused_unseen(
    shell: Shell, pin_key: str, tmp_path: Path, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pin").write_text(typed)

    status = shell.terminal("purchase", "--amount=1", f"--pin-file={tmp_path / 'pin'}", pin_key)

    assert status == 2
    assert capsys.readouterr().err == "bashgah terminal: a PIN is 4 to 12 digits\n"
    assert shell.requests == []


def owing(request: Message, number: int) -> Replies:
    if request.mti == "0100":
        return [answered(request, de48_OW="12345000", de48_DM="1180000")]
    return [answered(request)]


def answers(monkeypatch: pytest.MonkeyPatch, *typed: str) -> list[str]:
    """Have a person answer so; give the questions."""
    asked: list[str] = []
    coming = iter(typed)

    def prompt(question: str, **_: object) -> str:
        asked.append(question)
        return next(coming)

    monkeypatch.setattr("typer.prompt", prompt)
    return asked


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "pay 12,345,000 rial and end the debt? (y/n)"),
        ("fa", "۱۲٬۳۴۵٬۰۰۰ ریال پرداخت و بدهی تسویه شود؟ (y/n)"),
    ],
)
def test_a_settlement_says_what_ends_the_debt_and_asks(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    language: str,
    question: str,
) -> None:
    asked = answers(monkeypatch, "y")

    status = shell.terminal("settlement", "--card=2", f"--lang={language}", script=owing)

    assert (status, asked) == (0, [question])
    inquiry, settlement = shell.requests
    assert (inquiry.mti, inquiry[3]) == ("0100", "910000")
    assert (settlement.mti, settlement[3], settlement[4]) == ("0200", "910000", "000012345000")
    assert settlement[2] == inquiry[2] == TEST_CARDS[1].pan
    assert "Debt of this month" in capsys.readouterr().out or language == "fa"


def test_who_does_not_agree_pays_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, "")

    status = shell.terminal("settlement", "--card=1", script=owing)

    assert status == 1
    assert [request.mti for request in shell.requests] == ["0100"]
    assert "Not settled" in capsys.readouterr().out


def test_where_nothing_is_owed_nobody_is_asked(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = answers(monkeypatch)

    status = shell.terminal("settlement", "--card=1")

    assert (status, asked, len(shell.requests)) == (0, [], 1)
    assert "Nothing is owed" in capsys.readouterr().out


def test_a_card_without_credit_is_not_asked_to_settle(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(monkeypatch)

    status = shell.terminal("settlement", "--card=1", script=decline)

    assert (status, asked, len(shell.requests)) == (1, [], 1)


def test_a_settlement_with_its_amount_is_sent_at_once(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(monkeypatch)

    status = shell.terminal("settlement", "--card=1", "--amount=12,345,000")

    assert (status, asked) == (0, [])
    assert [request[4] for request in shell.requests] == ["000012345000"]


def test_a_card_that_is_read_settles_with_a_proof_for_each_message(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card_file(tmp_path / "card.json")
    answers(monkeypatch, "y")

    status = shell.terminal(
        "settlement", f"--reader=virtual:{tmp_path / 'card.json'}", script=owing
    )

    assert status == 0
    assert [request["55.9F36"] for request in shell.requests] == ["0001", "0002"]


def test_a_purchase_by_a_plan_carries_its_number(shell: Shell) -> None:
    shell.terminal("instalments", "--amount=5000", "--plan=2")
    shell.terminal("purchase", "--amount=5000", "--plan=3")

    assert [request["48.IN"] for request in shell.requests] == ["2", "3"]
