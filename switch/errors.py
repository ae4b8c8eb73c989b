"""The error families that cross module borders.

A decline is not an error (it is a `Reason`). A peer's fault is a `ProtocolError`. A failing world
is an `OperatingError`. Our own mistake is an `assert`.
"""


class ProtocolError(ValueError):
    """A peer sent what the protocol does not allow; never carries the clear data."""


class OperatingError(RuntimeError):
    """The world around us failed: one clear line for the operator, no traceback."""


class JournalUnavailable(OperatingError):
    """PostgreSQL cannot take rows now."""


class HsmUnavailable(OperatingError):
    """The HSM is away, or does not answer in time."""


class FencedError(OperatingError):
    """Another process owns this shard: this one must send nothing more and end."""


class LedgerCorrupt(OperatingError):
    """The journal contradicts itself; the text names the first difference."""
