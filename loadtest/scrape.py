"""What the switch says of itself, from its `/metrics`: the few sums that a load run shows.

Owns the reading of Prometheus text, by hand: a scrape has hundreds of lines and a run looks at six
of them each second, beside a generator that must not be disturbed. Must not know who asks.
"""

import http.client
import urllib.error
import urllib.request

from msgspec import Struct

BATCHES = "bashgah_journal_batches_total"
ROWS = "bashgah_journal_rows_total"
COMMIT_SECONDS = "bashgah_journal_commit_seconds_sum"
COMMITS = "bashgah_journal_commit_seconds_count"
LAG = "bashgah_journal_lag_rows"
CONNECTIONS = "bashgah_connections"
WANTED = frozenset((BATCHES, ROWS, COMMIT_SECONDS, COMMITS, LAG, CONNECTIONS))

BODY_BYTES_MAX = 4_000_000  # a scrape has some 30 kB; whatever sends more is no switch of ours

# A proxy of the environment is for the outside; a switch under load is near.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SwitchFigures(Struct, frozen=True, kw_only=True):
    """What the switch says of itself; rows and batches since it started."""

    batches: float
    rows: float
    commit_seconds: float
    commits: float
    lag_rows: float
    connections: float


def fetch(url: str, seconds_max: float) -> str | None:
    """Give the body at `url`, None when nothing readable came within `seconds_max`."""
    try:
        with _DIRECTLY.open(url, timeout=seconds_max) as response:
            body: bytes = response.read(BODY_BYTES_MAX)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return None
    return body.decode("utf-8", "replace")


def read_metrics(text: str) -> SwitchFigures:
    """Read Prometheus text; what is not there counts as 0, what has labels is summed."""
    sums = dict.fromkeys(WANTED, 0.0)
    for line in text.splitlines():
        name, value = _sample(line)
        if name in sums:
            sums[name] += value
    return SwitchFigures(
        batches=sums[BATCHES],
        rows=sums[ROWS],
        commit_seconds=sums[COMMIT_SECONDS],
        commits=sums[COMMITS],
        lag_rows=sums[LAG],
        connections=sums[CONNECTIONS],
    )


def has_commits(text: str) -> bool:
    """Tell whether the text has the journal's counters at all."""
    names = {_sample(line)[0] for line in text.splitlines() if line.startswith("bashgah_journal_")}
    return names >= {BATCHES, ROWS}


def _sample(line: str) -> tuple[str, float]:
    # `name value` or `name{label="…"} value`; the switch writes no time behind the value.
    if line.startswith("#") or not line.startswith("bashgah_"):
        return "", 0.0
    head, _, value = line.rpartition(" ")
    try:
        return head.partition("{")[0], float(value)
    except ValueError:
        return "", 0.0
