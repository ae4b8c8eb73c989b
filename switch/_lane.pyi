"""Python face of `_lane`: one message in, its reply out, for tests and the slow lane."""

from typing import Literal, final

from switch._core import Core
from switch._pricing import Pricer
from switch.iso8583 import Spec
from switch.iso8583.framing import Framing
from switch.operations import Wanted
from switch.profile import Profile

ServeStatus = Literal[
    "at_seq", "now", "ignored", "hopeless", "later", "broken", "stale", "no_room", "elsewhere",
    "unknown",
]  # fmt: skip

SERVE_STATUSES: tuple[ServeStatus, ...]

@final
class Lane:
    """One way of speaking to a shard: a profile compiled for the core, and its acquirer."""

    def __init__(
        self, core: Core, *, profile: Profile, spec: Spec, acquirer: int, acquirer_code: bytes
    ) -> None:
        """`acquirer` is the number of the link's acquirer, `acquirer_code` its DE 32."""

    @property
    def name(self) -> str:
        """The profile's name."""

    @property
    def framing(self) -> Framing:
        """How the profile frames messages on a stream."""

    def answer(
        self,
        message: bytes,
        *,
        now_us: int,
        utc_offset_s: int,
        available: bool = True,
        recalled: bool = False,
        pricer: Pricer | None = None,
        verdict: tuple[int | bytes, ...] | None = None,
        issuer: tuple[int, int, bytes] | None = None,
        sought: int = 0,
    ) -> tuple[ServeStatus, bytes, int, Wanted | tuple[Literal["prove"], int] | None]:
        """Serve one message, without framing: (status, reply, sequence it waits for, recall).

        "at_seq": the reply may leave when that row is durable. "now": it stands for nothing that
        could be lost. "ignored": there is none. "hopeless": close the connection. "later": fetch
        what `recall` names into the core (`switch.recall`), then ask again with `recalled`: ("seq",
        sequence), or ("key", terminal, STAN) for whatever that terminal sent under that STAN, or
        ("keys", terminal, missed): have new keys made for it. ("prove", proofs): ask the HSM, then
        ask again with its `verdict`: asked for, right, unreadable, no HSM there (each a bit for
        each proof), whether the terminal's keys of before were used, a dynamic code's counter, and
        the digest of a voucher's PIN.
        ("card", …) and ("issuer", programme's row, card): add another bank's card, ask that bank;
        `issuer` is (`IssuerSaid`, the question's sequence, DE 39).
        ("voucher", programme's row, digest): ask the other shards; `sought` 1: all have answered,
        2: not all.
        Without a `pricer` that is also said, with nothing to recall, of a programme that is priced
        in Python. "elsewhere": another shard owns its card, or it concerns every shard; nothing was
        done. `available` is false while the journal cannot take rows: then nothing is decided.
        """
