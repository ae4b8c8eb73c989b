"""Vouchers that have left this shard and are not known to have arrived, from events alone.

Owns what follows from them, live and on replay alike. How one leaves is `switch.voucher_travel`'s.
"""

from switch._core import Core
from switch._voucher_moves import note
from switch.events import VoucherArrived, VoucherHandedOver, VoucherReceived

VoucherEvent = VoucherHandedOver | VoucherArrived | VoucherReceived


class VoucherDebts:
    """By the rows that have let them go."""

    def __init__(self) -> None:
        self.owed: dict[int, VoucherHandedOver] = {}

    def apply(self, core: Core, event: VoucherEvent, seq: int) -> None:
        """Let an event of row `seq` take effect; its moves are in the book."""
        match event:
            case VoucherHandedOver():
                note(core, event.voucher, event.hop, here=False)
                self.owed[seq] = event
            case VoucherArrived():
                note(core, event.voucher, event.hop, here=True)
            case VoucherReceived():
                self.owed.pop(event.handed_over, None)
