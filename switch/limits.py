"""Every bound of the switch, with its reason, and the assertions that tie them together.

The compiled core has those that it needs in `switch/_words.pxd`; a test holds both equal.
"""

MOVES_MAX = 512
"""Moves of one journal entry. A purchase has six; one that spends what was earned on each day of a
year has 370."""

HOLD_MOVES_MAX = 253
"""Moves of a hold. Its completion gives them all back and takes as many again."""

REPLY_BYTES_MAX = 1024
"""One reply of ours without framing; the largest built today is 330 bytes."""

FRAME_BYTES_MAX = 4096
"""One request without framing: ten times the largest that terminals send, yet small enough that
10,000 half-sent frames hold 40 MB."""

AMOUNT_MINOR_MAX = 999_999_999_999
"""DE 4 is n12; sums of a billion such amounts still fit 63 bits."""

UNANSWERED_MAX = 2048
"""A link that pipelines more than this gets 91 for what it asks beyond, at once."""

OUTPUT_BYTES_MAX = 1 << 21
"""Replies a peer has not read; beyond it the peer is not reading at all and is closed. While half
of it waits for rows that are not durable we do not read the peer."""

TRUNK_OUTPUT_BYTES_MAX = 1 << 24
"""What another shard has not taken, or its rows do not let go: 16,000 replies at their longest, or
50,000 requests."""

TRUNK_REQUEST_BYTES_MAX = 1 << 23
"""Of that, what messages that can be refused may fill: reversals and advices have the rest."""

TRUNK_READ_BYTES_MAX = 1 << 16
"""What a link between shards may take at once: it carries many requesters' messages."""

READ_BYTES_MAX = 1 << 13
"""What one connection may take at once, 90 purchases or 0.4 ms, so that a flood does not starve the
others."""

FRAME_SECONDS_MAX = 10
"""A frame whose rest does not come within this is a slow loris or a lost peer."""

TURN_US_MAX = 2_000
"""For so long the gate serves before Trio's other tasks get a turn, and replies whose rows have
become durable leave. Trio costs about 0.1 ms a turn."""

HANDSHAKES_WAIT_US_MAX = 1_000
"""For so long handshakes have no turn while a reply waits for its row: a commit takes several
turns, and each would be longer by two steps. Beside a flood of them a terminal's p99 was 3 ms with
it and 5 to 7 without."""

TURN_HANDSHAKES_MAX = 2
"""Steps of TLS handshakes after a turn; a handshake has two that cost something. One of them costs
the deciding thread 0.85 ms with P-256 and 0.95 ms with RSA-2048 (OpenSSL 3.0), a third of it before
the peer has shown anything: as much as 150 messages. So a flood of them leaves two thirds of the
time to the messages, and 1,000 terminals that come back need 1 s, or 2 s beside others' load."""

PRICE_QUEUE_MAX = 8192
"""Messages that wait to be priced in Python: half a second of them at 16,000 a second. A terminal
waits ten; beyond that many it gets 91 at once."""

PRICING_TURN_US_MAX = 10_000
"""What a drain's messages that are priced in Python may take before the fast lane's next turn."""

PRICING_SLOW_US = 50_000
"""One message of a Python plan that takes longer is told of: it holds everybody up, and nothing
can interrupt it."""

ISSUER_APPROVALS_KEPT = 100_000
"""Of other banks, by the row that stands: a reversal comes soon after what it reverses, and what is
older is looked up in the journal. Some 300 bytes each."""

REMOTE_CARDS_A_MINUTE_MAX = 600
"""Cards of other banks that a shard adds: each stays for ever, some 300 bytes,
and whoever invents numbers with right check digits could fill memory. What a shop's customers bring
for the first time is far below; beyond it, 91."""

ISSUER_QUESTIONS_MAX = 256
"""Messages that wait for one bank: what it answers 500 of a second in half a second. Beyond it, 91;
places in the slow lane are left for others."""
CLOCK_CARDS_MAX = 4_096
"""Cards that a step of clock work looks at: 1 ms if every one is far apart in memory."""

CLOCK_TURN_US_MAX = 1_000
"""What clock work takes of the deciding thread before the gate has its turn."""

CLOCK_ROWS_MAX = 24
"""Its rows that are not durable: more would only make the commit of the others' rows longer. One
has 37 KB at most."""

CLOCK_BACKLOG_ROWS_MAX = 8_192
"""Rows of any kind that are not durable: beyond it the tills have no time for the clock."""

CONTROL_CARDS_MAX = 10_000
"""Cards of one control request: loading them stops the gate for 20 ms, 1,000 for one."""

CONTROL_LINE_BYTES_MAX = 1 << 20
"""One control request: 10,000 cards have 27 bytes each, more by a third in base64, or 32 digits for
their tokens."""

CONTROL_CONNECTIONS_MAX = 64
"""Operators, and shards that seek or bring a voucher, at once; each may hold a line in memory, and
have one request that is not durable."""

CONTROL_SECONDS_MAX = 30
"""An operator's program that says nothing for so long, or does not read its answer, is gone."""

CONTROL_DURABLE_SECONDS_MAX = 10
"""A row that takes longer is in doubt for who asked; asking again with the same key tells."""

CONTROL_KEYS_MAX = 4_096
"""Requests that are remembered, so that each is done once."""

assert CONTROL_CARDS_MAX * 36 < CONTROL_LINE_BYTES_MAX // 2
assert 2 * HOLD_MOVES_MAX + 6 <= MOVES_MAX  # with discount, points' worth, fee, earning
assert REPLY_BYTES_MAX * READ_BYTES_MAX // 64 < OUTPUT_BYTES_MAX // 2  # of one read
assert UNANSWERED_MAX * 2 * 200 < OUTPUT_BYTES_MAX // 2  # refusals find room behind approvals
assert TRUNK_REQUEST_BYTES_MAX + TRUNK_READ_BYTES_MAX < TRUNK_OUTPUT_BYTES_MAX
assert FRAME_BYTES_MAX <= READ_BYTES_MAX
assert PRICE_QUEUE_MAX >= 4 * UNANSWERED_MAX  # one link's flood leaves room for others
assert PRICE_QUEUE_MAX & (PRICE_QUEUE_MAX - 1) == 0
