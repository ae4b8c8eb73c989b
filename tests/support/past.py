"""A past that was made in memory, looked back at: the replay lab without a database.

Owns how the streams of a shop's journal are handed to `switch.lab`. Knows no rule.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from bashgah.replay_processes import offsets_of
from switch.lab import Lookback, Part, PastDirectory, window_of
from switch.programme import Programme
from tests.support.shop import new_core

TEHRAN = ZoneInfo("Asia/Tehran")
SECONDS_A_DAY = 86_400


def look_back(
    before: Sequence[bytes],
    after: Sequence[bytes],
    draft: Programme,
    *,
    last_s: int,
    months: int = 12,
    piece_bytes: int = 1 << 20,
    worker: int = 0,
    worker_count: int = 1,
) -> tuple[Lookback, Part]:
    """Replay `after`, which follows `before`, by a draft; both are COPY streams of a journal.

    `last_s`: until when. The streams come in pieces of `piece_bytes`.
    """
    core = new_core()
    directory = PastDirectory(core)
    for stream in before:
        core.replay(stream, directory.replay)
    window = window_of((last_s + 12_600) // SECONDS_A_DAY, months)
    lookback = Lookback(
        core,
        directory,
        draft,
        first_seq=core.last_seq + 1,
        window=window,
        offsets=offsets_of(TEHRAN, window),
    )
    lookback.set_worker(worker, worker_count)
    known = {seq: core.exchange(seq) for seq in range(1, core.last_seq + 1)}
    lookback.lab.keep(list(range(1, core.last_seq + 100_000)))
    outcomes = {seq: (0, 0) if one is None else (one[0], one[2]) for seq, one in known.items()}
    for stream in before:
        lookback.lab.remember(stream, outcomes)
    for stream in after:
        for at in range(0, len(stream), piece_bytes):
            lookback.take(stream[at : at + piece_bytes])
    return lookback, lookback.finish()
