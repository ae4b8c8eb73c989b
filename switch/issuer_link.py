"""The link to another bank: connected, signed on, kept awake, and connected again when lost.

Owns one connection and what is sent over it; answers are matched by `switch.issuer_pending`. Must
not know why something is asked, nor what follows from an answer: that is `switch.issuer_desk`'s.

Theory of operation. Messages are pipelined: what gathers while one write is under way leaves with
the next. A bank that is connected and does not answer is worse than none, since every message waits
its time and then is owed a reversal. So after `SILENT_MAX` answers in a row that did not come in
time the link is closed to questions and an echo is tried: answered, it is open again; not, it is
connected anew.
"""

import ssl
import time
from datetime import UTC, datetime

import msgspec
import structlog
import trio

from switch._issuer_messages import IssuerForm, IssuerReply
from switch.errors import OperatingError
from switch.iso8583 import NEED_DATA, FrameReader, Framing, FramingError, Message, Spec, encode
from switch.issuer_pending import Pending

CONNECT_SECONDS_MAX = 5.0
NETWORK_SECONDS_MAX = 5.0
"""For the answer to a sign-on or an echo: a host that needs longer is not well."""
RETRY_SECONDS_FIRST = 0.1
RETRY_SECONDS_MAX = 10.0
SILENT_MAX = 5
READ_BYTES_MAX = 1 << 16
SIGN_ON, ECHO = 1, 301
NETWORK_STANS = 1_000_000
"""Network messages have STANs of their own, told from questions by their MTI."""

log = structlog.get_logger("switch.issuer_link")


class IssuerUnavailable(OperatingError):
    """The bank was not asked: nothing has left for it."""


class LinkTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bank is, and how long it is waited for. `name` is what programmes call it."""

    name: str
    host: str
    port: int
    framing: Framing
    tls: ssl.SSLContext | None = None
    answer_seconds_max: float
    echo_seconds: float


class IssuerLink:
    """One bank. `run` keeps it connected."""

    def __init__(self, terms: LinkTerms, spec: Spec, institution: str) -> None:
        """`institution` is our own code at the bank."""
        self.name = terms.name
        self.form = IssuerForm(spec, institution)
        self.pending = Pending()
        self.connects = 0
        self._terms = terms
        self.spec = spec
        self._outgoing: list[bytearray] = []
        self._outgoing_wait = trio.Event()
        self._signed_on = False
        self._silent = 0  # answers in a row that did not come in time
        self._try_out = trio.Event()
        self._heard_s = 0.0
        self._network_stan = 0
        self._said = ""
        self._trouble = ""  # of the connection that is there, should it never be signed on

    @property
    def available(self) -> bool:
        """Whether a question may be asked now."""
        return self._signed_on and self._silent < SILENT_MAX

    async def ask(self, message: bytearray, answer_mti: int, stan: int, sent_at: int) -> (
        IssuerReply | None
    ):  # fmt: skip
        """Send a message, which is overwritten; give its answer, None if it did not come in time.

        Raises IssuerUnavailable when there is no link, and then nothing was sent.
        """
        if not self._signed_on:
            _wipe(message)
            raise IssuerUnavailable(f"bank {self.name} is not connected")
        reply = await self._exchange(
            message, (answer_mti, stan, sent_at), self._terms.answer_seconds_max
        )
        if reply is not None:
            self._silent = 0
        else:
            self._silent += 1
            if self._silent >= SILENT_MAX:
                self._try_out.set()
        return reply

    async def _exchange(
        self, message: bytearray, key: tuple[int, int, int], seconds_max: float
    ) -> IssuerReply | None:
        # The length without a copy of the message, which could not be overwritten.
        prefix = self._terms.framing.frame(bytes(len(message)))[: -len(message)]
        frame = bytearray(prefix) + message
        _wipe(message)
        waiting = self.pending.expect(key)
        self._outgoing.append(frame)
        self._outgoing_wait.set()
        with trio.move_on_after(seconds_max):
            await waiting.answered.wait()
        self.pending.give_up(key)
        return waiting.reply

    async def run(self) -> None:
        """Connect, sign on, and again whenever the link was lost."""
        pause_s = RETRY_SECONDS_FIRST
        while True:
            try:
                stream = await self._connect()
            except OSError as error:
                self._say_trouble(str(error))
            else:
                signed_on_before = self.connects
                async with stream:
                    await self._serve(stream)
                if self.connects > signed_on_before:
                    log.warning("issuer_lost", issuer=self.name)
                    pause_s, self._said = RETRY_SECONDS_FIRST, ""
                else:
                    self._say_trouble(self._trouble)
            await trio.sleep(pause_s)
            pause_s = min(2 * pause_s, RETRY_SECONDS_MAX)

    def _say_trouble(self, trouble: str) -> None:
        if trouble != self._said:
            log.warning("issuer_unavailable", issuer=self.name, error=trouble)
            self._said = trouble

    async def _connect(self) -> trio.abc.Stream:
        """Open a connection. Raises OSError."""
        terms = self._terms
        try:
            with trio.fail_after(CONNECT_SECONDS_MAX):
                plain = await trio.open_tcp_stream(terms.host, terms.port)
                if terms.tls is None:
                    return plain
                stream = trio.SSLStream(plain, terms.tls, server_hostname=terms.host)
                try:
                    await stream.do_handshake()
                except BaseException:
                    await trio.aclose_forcefully(plain)
                    raise
                return stream
        except trio.TooSlowError:
            raise OSError("no connection in time") from None
        except trio.BrokenResourceError as error:
            raise OSError(_tls_trouble(error) or "no TLS (the connection broke)") from None

    async def _serve(self, stream: trio.abc.Stream) -> None:
        """Use a connection until it has ended."""
        self._heard_s = trio.current_time()
        self._trouble = "it hung up before the sign-on was answered"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, stream, nursery.cancel_scope)
                nursery.start_soon(self._write, stream, nursery.cancel_scope)
                await self._keep_awake()
                nursery.cancel_scope.cancel()
        finally:
            self._signed_on = False
            for frame in self._outgoing:
                _wipe(frame)
            self._outgoing.clear()
            self.pending.lose()

    async def _keep_awake(self) -> None:
        """Sign on, then see that the bank is there; returns when it is not."""
        if not await self._network(SIGN_ON):
            self._trouble = "the sign-on was not accepted"
            return
        self._signed_on, self._silent = True, 0
        self.connects += 1
        log.info("issuer_connected", issuer=self.name)
        while True:
            self._try_out = trio.Event()
            rest_s = self._heard_s + self._terms.echo_seconds - trio.current_time()
            with trio.move_on_after(max(0.0, rest_s)):
                await self._try_out.wait()
            idle_s = trio.current_time() - self._heard_s
            if self._silent < SILENT_MAX and idle_s < self._terms.echo_seconds:
                continue
            if not await self._network(ECHO):
                return
            self._silent = 0

    async def _network(self, code: int) -> bool:
        """Send a network message; whether it was accepted."""
        self._network_stan = self._network_stan % (NETWORK_STANS - 1) + 1
        sent_at = at_of(int(time.time()))
        message = Message(
            "0800",
            {7: f"{sent_at:010d}", 11: f"{self._network_stan:06d}",
             33: self.form.institution_code, 70: f"{code:03d}"},
        )  # fmt: skip
        body = bytearray(encode(message, self.spec))
        reply = await self._exchange(body, (810, self._network_stan, sent_at), NETWORK_SECONDS_MAX)
        return reply is not None and reply.response_code == b"00"

    async def _write(self, stream: trio.abc.Stream, scope: trio.CancelScope) -> None:
        """Send what has gathered, in one write, and overwrite it."""
        while True:
            await self._outgoing_wait.wait()
            self._outgoing_wait = trio.Event()
            frames = bytearray().join(self._outgoing)
            for frame in self._outgoing:
                _wipe(frame)
            self._outgoing.clear()
            try:
                await stream.send_all(frames)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                scope.cancel()
                return
            finally:
                _wipe(frames)

    async def _read(self, stream: trio.abc.Stream, scope: trio.CancelScope) -> None:
        """Take answers until the connection has ended or says what nobody understands."""
        reader = FrameReader(self._terms.framing)
        try:
            while data := await stream.receive_some(READ_BYTES_MAX):
                self._heard_s = trio.current_time()
                reader.receive_data(data)
                while (frame := reader.next_frame()) is not NEED_DATA:
                    self._take(frame.body)
        except FramingError as error:
            log.warning("issuer_garbled", issuer=self.name, error=str(error))
        except trio.BrokenResourceError as error:
            # TLS 1.3: only here a bank says that it does not take our certificate.
            self._trouble = _tls_trouble(error) or self._trouble
        except trio.ClosedResourceError:
            pass
        scope.cancel()

    def _take(self, body: bytes) -> None:
        """Take one message of the bank. Raises FramingError for what is none."""
        reply = self.form.read(body)
        if reply is None:
            raise FramingError("a message that is no ISO 8583")
        if reply.mti == 800:
            self._answer_network(reply)
        else:
            self.pending.take(reply)

    def _answer_network(self, asked: IssuerReply) -> None:
        """Say yes to the bank's own echo or sign-on."""
        if min(asked.sent_at, asked.stan, asked.network_code) < 0:
            return
        message = Message(
            "0810",
            {7: f"{asked.sent_at:010d}", 11: f"{asked.stan:06d}", 39: "00",
             70: f"{asked.network_code:03d}"},
        )  # fmt: skip
        self._outgoing.append(bytearray(self._terms.framing.frame(encode(message, self.spec))))
        self._outgoing_wait.set()


def at_of(unix_s: int) -> int:
    """Give DE 7 of a Unix second, as a number: MMDDhhmmss in UTC."""
    return int(f"{datetime.fromtimestamp(unix_s, UTC):%m%d%H%M%S}")


def _wipe(message: bytearray) -> None:
    message[:] = bytes(len(message))


def _tls_trouble(error: trio.BrokenResourceError) -> str:
    """Say what TLS found wrong with a connection; "" when it was something else."""
    cause = error.__cause__
    return f"no TLS ({cause.reason})" if isinstance(cause, ssl.SSLError) else ""
