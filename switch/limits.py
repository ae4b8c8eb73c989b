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

UNANSWERED_MAX = 1024
"""A link that pipelines more than this stops being read until replies leave."""

OUTPUT_BYTES_MAX = 1 << 20
"""Replies a peer has not read; beyond it the peer is not reading at all and is closed."""

TRUNK_UNANSWERED_MAX = 8_192
"""Messages that another shard has sent here and that wait: two links' full windows a terminal link
may have, times four. Beyond it that shard's messages wait with it, and it refuses new ones."""

TRUNK_OUTPUT_BYTES_MAX = 1 << 24
"""What another shard has not taken: all waiting replies at their longest, or as many requests."""

TRUNK_REQUEST_BYTES_MAX = 1 << 23
"""Of that, what messages that can be refused may fill: reversals and advices have the rest."""

READ_BYTES_MAX = 1 << 16
"""What one connection may take of one drain, so that a flood does not starve the others."""

FRAME_SECONDS_MAX = 10
"""A frame whose rest does not come within this is a slow loris or a lost peer."""

CONNECTIONS_PER_DRAIN_MAX = 1024
"""Ready connections served before Trio's other tasks get a turn."""

assert 2 * HOLD_MOVES_MAX + 6 <= MOVES_MAX  # with discount, points' worth, fee, earning
assert REPLY_BYTES_MAX * 2 < OUTPUT_BYTES_MAX
assert TRUNK_UNANSWERED_MAX * (REPLY_BYTES_MAX + 64) <= TRUNK_OUTPUT_BYTES_MAX
assert TRUNK_REQUEST_BYTES_MAX < TRUNK_OUTPUT_BYTES_MAX
assert FRAME_BYTES_MAX <= READ_BYTES_MAX
