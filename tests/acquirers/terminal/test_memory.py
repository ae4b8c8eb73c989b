"""What a terminal remembers between runs, and what it must not."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from acquirers.terminal.memory import (
    EXCHANGES_MAX,
    MemoryUnreadableError,
    Remembered,
    TerminalMemory,
)
from acquirers.terminal.orders import CHANGES_THE_CARD, Service
from acquirers.terminal.parties import STAN_MAX
from tests.acquirers.terminal.samples import CARD, MOMENT

ANY = frozenset(Service)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "terminal.json"


@pytest.fixture
def memory(path: Path) -> TerminalMemory:
    return TerminalMemory(path, "T0000001")


def exchange(
    stan: int, service: Service = Service.PURCHASE, response_code: str = "00", **elements: str
) -> Remembered:
    at = MOMENT + timedelta(seconds=stan)
    return Remembered(
        service=service,
        mti="0400" if service is Service.REVERSAL else "0200",
        elements={
            "3": "000000",
            "4": "000000001000",
            "11": f"{stan:06}",
            "12": f"{at:%H%M%S}",
            "13": f"{at:%m%d}",
            "37": f"632609{stan:06}",
            **{key.removeprefix("de"): value for key, value in elements.items()},
        },
        local_at=at,
        card_masked="502229******0017",
        response_code=response_code,
    )


def test_trace_numbers_count_up_across_runs(path: Path, memory: TerminalMemory) -> None:
    taken = [memory.take_stan(), memory.take_stan()]

    after_restart = TerminalMemory(path, "T0000001").take_stan()

    assert [*taken, after_restart] == [1, 2, 3]


def test_trace_number_after_the_last_is_one_and_never_zero(
    path: Path, memory: TerminalMemory
) -> None:
    memory.take_stan()
    path.write_text(f'{{"terminal_id": "T0000001", "stan_last": {STAN_MAX - 1}}}')

    assert [memory.take_stan(), memory.take_stan()] == [STAN_MAX, 1]


def test_two_counters_on_one_file_never_take_the_same_number(path: Path) -> None:
    def take_twenty(_: int) -> list[int]:
        memory = TerminalMemory(path, "T0000001")
        return [memory.take_stan() for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        taken = [stan for stans in pool.map(take_twenty, range(4)) for stan in stans]

    assert sorted(taken) == list(range(1, 81))


def test_only_the_owner_can_read_the_file(path: Path, memory: TerminalMemory) -> None:
    memory.take_stan()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_card_numbers_are_not_in_the_file(path: Path, memory: TerminalMemory) -> None:
    memory.remember(exchange(1))

    assert CARD.pan not in path.read_text()


def test_an_outcome_replaces_the_exchange_it_belongs_to(memory: TerminalMemory) -> None:
    memory.remember(exchange(1, response_code=""))
    memory.remember(exchange(2))

    memory.remember(exchange(1, response_code="51"))

    assert {old.rrn[-1]: old.response_code for old in memory.exchanges()} == {"1": "51", "2": "00"}


def test_the_oldest_exchanges_are_forgotten_first(memory: TerminalMemory) -> None:
    for stan in range(1, EXCHANGES_MAX + 3):
        memory.remember(exchange(stan))

    rrns = [old.rrn for old in memory.exchanges()]

    assert len(rrns) == EXCHANGES_MAX
    assert rrns[0].endswith(f"{EXCHANGES_MAX + 2:06}")
    assert rrns[-1].endswith("000003")


def test_the_last_one_skips_what_was_declined(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))
    memory.remember(exchange(2, response_code="51"))

    assert memory.last(ANY) == exchange(1)


def test_the_last_one_may_be_one_whose_outcome_is_unknown(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))
    memory.remember(exchange(2, response_code=""))

    assert memory.last(ANY) == exchange(2, response_code="")


def test_the_last_one_skips_what_was_wholly_reversed(memory: TerminalMemory) -> None:
    purchase = exchange(2)
    memory.remember(exchange(1))
    memory.remember(purchase)
    memory.remember(exchange(3, service=Service.REVERSAL, de90=purchase.original.data_elements))

    assert memory.last(CHANGES_THE_CARD - {Service.REVERSAL}) == exchange(1)


def test_the_last_one_may_be_reversed_in_part(memory: TerminalMemory) -> None:
    purchase = exchange(1)
    names = purchase.original.data_elements
    memory.remember(purchase)
    memory.remember(exchange(2, service=Service.REVERSAL, de90=names, de95="0" * 42))

    assert memory.last(frozenset({Service.PURCHASE})) == purchase


def test_nothing_is_the_last_one_of_an_empty_memory(memory: TerminalMemory) -> None:
    assert memory.last(ANY) is None


@pytest.mark.parametrize("content", ["", "{}", '{"terminal_id": "T0000001", "pan": "1"}', "[]"])
def test_a_file_that_is_not_ours_is_named(path: Path, memory: TerminalMemory, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)

    with pytest.raises(MemoryUnreadableError, match=str(path)):
        memory.take_stan()


def test_another_terminals_file_is_refused(path: Path, memory: TerminalMemory) -> None:
    memory.take_stan()

    with pytest.raises(MemoryUnreadableError, match="T0000001"):
        TerminalMemory(path, "T0000002").take_stan()
