"""Python face of `_batches`: the bytes of a batch."""

from typing import final

@final
class CopyBody:
    """The bytes of a batch, where the core wrote them: readable until the next batch is cut.

    Whoever reads them lets go (`memoryview.release`) before that.
    """

    def __buffer__(self, flags: int, /) -> memoryview: ...
