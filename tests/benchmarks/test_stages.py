"""What perf prints becomes stages, and figures become the sentence about the next limit."""

from collections import Counter

import pytest

from benchmarks import table
from benchmarks.promises import stages
from benchmarks.promises.cpu import DECIDING, WRITER
from benchmarks.promises.page import render
from benchmarks.promises.perf import Frame, Sample, samples_of
from benchmarks.promises.stages import next_limit, stage_of

DECIDING_THREAD, OTHER_THREAD = 70, 71

PRINTED = """\
   70
\t    7fe6ebf78c0a __pyx_f_6switch_7iso8583_5_scan_scan (switch/iso8583/_scan.cpython-311.so)
\t    7fe6ebf78c0b __pyx_f_6switch_5_lane_serve (switch/_lane.cpython-311.so)

   70
\tffffffff813ae840 _copy_to_iter ([kernel.kallsyms])
\tffffffff813ae841 __x64_sys_recvfrom ([kernel.kallsyms])

   71
\tffffffff813ae842 tcp_sendmsg ([kernel.kallsyms])
\tffffffff813ae843 __x64_sys_sendto ([kernel.kallsyms])

"""


def test_printed_samples_are_counted_by_stage() -> None:
    found = Counter(stage_of(sample, DECIDING_THREAD) for sample in samples_of(PRINTED))

    assert found == {stages.SCAN: 1, stages.READ: 1, stages.COMMIT_KERNEL: 1}


@pytest.mark.parametrize(
    ("symbol", "file", "stage"),
    [
        ("bashgah_sha256_blocks_x86", "switch/ledger/_rows.cpython-311.so", stages.CHAIN),
        ("bashgah_sha256_blocks_x86", "switch/_mapping.cpython-311.so", stages.CARD),
        ("__pyx_f_6switch_8_replies_write_reply", "switch/_replies.cpython-311.so", stages.REPLY),
        ("__pyx_f_6switch_8_mapping_read_request", "switch/_mapping.cpython-311.so", stages.MAP),
        ("book_apply", "switch/ledger/_book.cpython-311.so", stages.MOVES),
        ("_PyEval_EvalFrameDefault", "libpython3.11.so.1.0", stages.COMMIT),
        ("__memmove_avx512", "libc.so.6", stages.COPYING),
        ("unheard_of", "switch/_new.cpython-311.so", stages.OTHER),
        ("exc_page_fault", "[kernel.kallsyms]", stages.FAULTS),
    ],
)
def test_code_belongs_to_a_stage(symbol: str, file: str, stage: str) -> None:
    assert stage_of(Sample(DECIDING_THREAD, [Frame(symbol, file)]), DECIDING_THREAD) == stage


def test_the_next_limit_follows_from_who_takes_how_long() -> None:
    rows = [
        table.row(DECIDING, 5_000.0, stages.NS, kind=stages.SHARE, user_ns=4_000, system_ns=1_000),
        table.row(WRITER, 4_000.0, stages.NS, kind=stages.SHARE, user_ns=3_000, system_ns=1_000),
        table.row("load generator", 2_000.0, stages.NS, kind=stages.SHARE),
        table.row(stages.SCAN, 300.0, stages.NS, kind=stages.STAGE),
        table.row(stages.CHAIN, 900.0, stages.NS, kind=stages.STAGE),
    ]
    rows = [{**row, "setting": {"cores": "2"}} for row in rows]

    found = next_limit(rows, cores=2)

    assert found is not None
    assert (found.deciding, found.writer, found.largest) == (200_000, 250_000, stages.CHAIN)
    assert found.together == pytest.approx(2e9 / 11_000)
    page = render(rows, [])
    assert "allows 181,818 messages a second. That is the limit here" in page
    assert "the deciding thread, which one core holds up to 200,000/s" in page


def test_without_figures_nothing_is_said_about_a_limit() -> None:
    assert next_limit([], cores=2) is None
    assert "next limit" not in render([], [])
