"""Python face of `_fastpath`: the gate that a server drains, and what it counts."""

from typing import Any

from switch._core import Core
from switch._issuer_messages import IssuerForm
from switch._lane import Lane
from switch._pricing import Pricer
from switch._tls import Tls
from switch.operations import Wanted

class Gate:
    """The gate of one shard: sockets, the fast lane, replies that wait for their commit.

    Not thread-safe: every call comes from the thread that decides. A mistake of ours (a decision
    that could not be journaled) raises AssertionError: the process must end.
    """

    def __init__(
        self,
        core: Core,
        *,
        connections_max: int,
        pending_max: int,
        utc_offset_s: int,
        logging: bool,
        pricer: Pricer | None = None,
        trunks_max: int = 0,
    ) -> None:
        """Take the memory for `connections_max` connections and `pending_max` waiting replies.

        Beyond `pending_max` rows that are not durable requests get 91; reversals and advices have a
        quarter more, and wait when that is used up. `logging` keeps a line for
        each answered message and each closed connection until `take_log`.
        """

    @property
    def pricer(self) -> Pricer:
        """Who asks issuers' functions."""

    def fileno(self) -> int:
        """Give the epoll set's descriptor: readable when there is something to drain."""

    def listen(self, fd: int, lane: Lane, *, reply_seconds: int, tls: Tls | None = None) -> None:
        """Serve a listening socket (IPv4, non-blocking; the caller keeps it open) by a lane.

        `reply_seconds`: how long its requesters wait for a reply. With `tls` they have to greet.
        """

    def stop_reading(self) -> None:
        """Hear requesters no more; replies under way leave, those of other shards included."""

    def awaited(self) -> int:
        """Count the messages that an HSM or another shard has and has not answered."""

    def connect_hsm(self, fd: int) -> int:
        """Take a connected socket to an HSM (its headers have four characters); gives its name.

        The socket is the gate's from here on. Raises OSError when all places are taken.
        """

    def hsm_is_lost(self, name: int) -> bool:
        """Say whether a link has ended."""

    def drop_slow_hsms(self, answer_us_max: int) -> None:
        """Drop links whose answers take longer; what they had is asked of others, or gets 91."""

    def stop_accepting(self) -> None:
        """Take no new connections; those that are open go on."""

    def set_available(self, available: bool) -> None:
        """Say whether the journal can take rows; while it cannot, requests get 91."""

    def set_utc_offset(self, utc_offset_s: int) -> None:
        """Set the local clock's distance from UTC, for business days and hours."""

    def drain(self) -> bool:
        """Serve what is ready. True when rows wait for a batch."""

    def durable(self, seq: int) -> None:
        """Let every reply leave whose row is durable: up to `seq`."""

    def close_overdue(self, idle_us_max: int, frame_us_max: int) -> None:
        """Close connections that say nothing, or do not finish a frame, for too long."""

    def close_all(self) -> None:
        """Close every connection; what has not left never does."""

    def answer(
        self,
        ticket: int,
        said: int,
        *,
        asked: int = 0,
        asked_s: int = 0,
        response_code: bytes = b"",
        authorisation_code: bytes = b"",
        balances: bytes = b"",
    ) -> None:
        """Serve a parked message again with what its card's own bank said (an `IssuerSaid`).

        `asked` and `asked_s` name the question's event; 0: there is none.
        """

    def sought(self, ticket: int, everywhere: bool) -> None:
        """Serve a parked message again: other shards were asked for its voucher, or not all."""

    def write_question(
        self, ticket: int, form: IssuerForm, stan: int, sent_at: int, rrn: bytes
    ) -> bytearray | None:
        """Give what a parked message says to its card's own bank; None when its sender is gone.

        The bytes are the caller's to overwrite: they hold the card's number.
        """

    def take_parked(self) -> list[tuple[int, Wanted]]:
        """Give what the slow lane has to do: (ticket, what to fetch), each once."""

    def resume(self, ticket: int) -> None:
        """Serve a parked message again, now that what it needed has been fetched."""

    def abandon(self, ticket: int) -> None:
        """Answer a parked message with 91: what it needs could not be had."""

    def take_log(self) -> bytes:
        """Give the exchange log's lines since the last call."""

    def statistics(self) -> dict[str, Any]:
        """Give counters and sizes for the metrics; `closed` is by cause, `latency` by bucket."""
