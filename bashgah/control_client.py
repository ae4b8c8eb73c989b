"""An operator's side of a switch's control sockets: asks, and asks again when an answer is lost.

Owns which shard is asked: a card's is the owner of its token; clubs, acquirers, merchants,
terminals, programmes and keys are known to every shard. The protocol is `switch.control`'s.
"""

import io
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType

import msgspec

from switch.config import Config, ConfigError, slot_owners
from switch.control import (
    Answer,
    FindCards,
    FindProgrammes,
    FindTerminals,
    FoundCard,
    FoundCards,
    FoundProgrammes,
    FoundTerminals,
    Record,
    Recorded,
    Refused,
    Request,
    TerminalName,
)
from switch.errors import OperatingError
from switch.events import Event, encode_event
from switch.local_sockets import connect_to
from switch.slots import slot_of

ANSWER_SECONDS_MAX = 20.0
ATTEMPTS = 3
PAUSE_SECONDS = 0.5
CARDS_AT_ONCE = 1_000
"""Loading them stops a shard's gate for a millisecond."""

_ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


class RefusedError(OperatingError):
    """The switch said no."""


class Shards:
    """The shards of a configuration, connected when they are asked."""

    def __init__(self, config: Config, by: str) -> None:
        """`by` is the operator's name."""
        if config.switch.control_dir is None:
            raise ConfigError("without it nobody reaches the switch - at $.switch.control_dir")
        self._directory = config.switch.control_dir
        self.by = by
        self._owners = slot_owners(config.switch)
        several = config.switch.shards > 1
        self.numbers = range(config.switch.shards) if several else (config.switch.shard,)
        self._resources = ExitStack()
        self._links: dict[int, tuple[socket.socket, io.BufferedReader]] = {}

    def __enter__(self) -> "Shards":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._resources.close()

    def owner_of(self, token: bytes) -> int:
        """Give the shard that owns a card."""
        return self._owners[slot_of(token)] if len(self.numbers) > 1 else self.numbers[0]

    def find_cards(self, shard: int, tokens: Sequence[bytes]) -> tuple[FoundCard | None, ...]:
        """Find cards of a shard by their tokens. Raises OperatingError."""
        request = FindCards(tokens=tuple(token.hex().upper() for token in tokens))
        answer = self._ask(shard, request)
        assert isinstance(answer, FoundCards)
        return answer.cards

    def find_terminals(
        self, shard: int, terminals: Sequence[TerminalName]
    ) -> tuple[int | None, ...]:
        """Find terminals by acquirer's code and name. Raises OperatingError."""
        answer = self._ask(shard, FindTerminals(terminals=tuple(terminals)))
        assert isinstance(answer, FoundTerminals)
        return answer.numbers

    def find_programmes(self, shard: int, programme: int = 0) -> FoundProgrammes:
        """Give the versions of a programme, or of all. Raises OperatingError."""
        answer = self._ask(shard, FindProgrammes(programme=programme))
        assert isinstance(answer, FoundProgrammes)
        return answer

    def record(self, shard: int, event: Event) -> int:
        """Have an event take effect; gives its sequence, durable. Raises OperatingError."""
        key = secrets.token_hex(16)
        body = msgspec.Raw(encode_event(event))
        answer = self._ask(shard, Record(key=key, by=self.by, event=body))
        assert isinstance(answer, Recorded)
        return answer.seq

    def record_everywhere(self, event: Event) -> Iterator[tuple[int, int]]:
        """Have an event take effect in every shard: each with its sequence.

        Raises OperatingError when all have been asked and one said no, or did not answer.
        """
        troubles = []
        for shard in self.numbers:
            try:
                yield shard, self.record(shard, event)
            except OperatingError as error:
                troubles.append(str(error))
        if troubles:
            raise OperatingError("; ".join(troubles))

    def _ask(self, shard: int, request: Request) -> Answer:
        """Ask until there is an answer: the request's key keeps it from being done twice."""
        trouble = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            try:
                answer = self._exchange(shard, request)
            except (OSError, ValueError) as error:
                self._links.pop(shard, None)
                trouble = f"shard {shard}: no answer at {self._directory}/{shard}.sock: {error}"
                continue
            if not isinstance(answer, Refused):
                return answer
            trouble = f"shard {shard}: {answer.error}"
            if not answer.in_doubt:
                raise RefusedError(trouble)
        raise OperatingError(trouble)

    def _exchange(self, shard: int, request: Request) -> Answer:
        if shard not in self._links:
            link = self._resources.enter_context(socket.socket(socket.AF_UNIX))
            link.settimeout(ANSWER_SECONDS_MAX)
            connect_to(link, self._directory, shard)
            self._links[shard] = link, self._resources.enter_context(link.makefile("rb"))
        link, answers = self._links[shard]
        link.sendall(msgspec.json.encode(request) + b"\n")
        line = answers.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the switch hung up")
        return _ANSWERS.decode(line)
