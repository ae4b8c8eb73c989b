"""What a run costs, watched from outside: CPU and memory of processes, and the switch's commits.

Owns one thread that looks once a second. Must not know the load. Whatever can't be read is left
out: a look that fails is no reason to end a run, and the report shows the gap.

Measured on a busy machine of 2 cores: PostgreSQL with all its children takes 1 ms of CPU a look,
the reading of a scrape 0.1 ms.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from time import monotonic_ns

from loadtest.processes import usage_alone, usage_of_tree
from loadtest.result import CommitSample, ProcessSample
from loadtest.scrape import fetch, has_commits, read_metrics

LOOK_SECONDS = 1.0
FETCH_SECONDS_MAX = 0.5  # a switch too busy for its metrics must not delay the next look by much
SAMPLES_MAX = 100_000  # a day of one process; then the first ones stay


class Watch:
    """Looks at processes and metrics from `start` to `stop`.

    `processes`: what to call each, and its process id. A process is looked at together with what
    it started (PostgreSQL's backends, a switch's shards), except others that are named here; this
    very process is looked at alone, for it may have started what it measures.

    `metrics_urls`: one for each switch process. Their counters are summed, and only looks at which
    all of them answered count.
    """

    def __init__(self, processes: Mapping[str, int], metrics_urls: Sequence[str] = ()) -> None:
        self._processes = dict(processes)
        self._named = frozenset(self._processes.values())
        self._metrics_urls = tuple(metrics_urls)
        self._process_samples: list[ProcessSample] = []
        self._commit_samples: list[CommitSample] = []
        self._began_ns = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, began_ns: int) -> None:
        """Begin to look. `began_ns`: the run's beginning on the monotonic clock, past or future."""
        assert self._thread is None, "a watch is used once"
        self._began_ns = began_ns
        self._thread = threading.Thread(target=self._keep_looking, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> tuple[tuple[ProcessSample, ...], tuple[CommitSample, ...]]:
        """Look a last time, end the thread and give what was seen, oldest first."""
        assert self._thread is not None, "start comes before stop"
        self._ended.set()
        self._thread.join()
        return tuple(self._process_samples), tuple(self._commit_samples)

    def _keep_looking(self) -> None:
        due_ns = monotonic_ns()
        while True:
            ended = self._ended.is_set()
            self._look_at_processes()
            self._look_at_commits()
            if ended:
                return
            # Whole seconds from the first look; one that took too long leaves out its followers.
            now_ns = monotonic_ns()
            due_ns += int(LOOK_SECONDS * 1e9)
            while due_ns <= now_ns:
                due_ns += int(LOOK_SECONDS * 1e9)
            self._ended.wait((due_ns - now_ns) / 1e9)

    def _look_at_processes(self) -> None:
        if len(self._process_samples) >= SAMPLES_MAX:
            return
        for name, pid in self._processes.items():
            at_s = self._now_s()
            if pid == os.getpid():
                usage = usage_alone(pid)
            else:
                usage = usage_of_tree(pid, without=self._named - {pid})
            if usage is not None:
                self._process_samples.append(
                    ProcessSample(
                        at_s=at_s,
                        name=name,
                        cpu_seconds=usage.cpu_seconds,
                        resident_bytes=usage.resident_bytes,
                    )
                )

    def _look_at_commits(self) -> None:
        if not self._metrics_urls or len(self._commit_samples) >= SAMPLES_MAX:
            return
        at_s, batches, rows = self._now_s(), 0, 0
        for url in self._metrics_urls:
            text = fetch(url, FETCH_SECONDS_MAX)
            if text is None or not has_commits(text):
                return
            figures = read_metrics(text)
            batches += int(figures.batches)
            rows += int(figures.rows)
        self._commit_samples.append(CommitSample(at_s=at_s, batches=batches, rows=rows))

    def _now_s(self) -> float:
        return round((monotonic_ns() - self._began_ns) / 1e9, 3)
