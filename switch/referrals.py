"""Whom a referral rewards: the accounts of the cards that guests' cards are linked to.

Owns what such a programme may name. Must not know cards.
"""

from collections.abc import Mapping

from switch.machine import UNITS, Layout
from switch.programme import Programme


def rewarded_layout(
    definition: Programme, programmes: Mapping[int, Programme], layouts: Mapping[int, Layout]
) -> Layout | None:
    """Give the accounts of the cards that guests of a programme are linked to.

    `programmes`: those that are live. Raises ValueError for a referral that cannot be.
    """
    referral = definition.referral
    if referral is None:
        return None
    if referral.programme == definition.programme:
        raise ValueError("a referral rewards a card of another programme")
    live = programmes.get(definition.programme)
    if live is not None and (
        live.referral is None or live.referral.programme != referral.programme
    ):
        # Guests' cards may be linked to cards whose accounts are laid out in another way.
        raise ValueError("a referral rewards the same programme from its first version on")
    rewarded = programmes.get(referral.programme)
    if rewarded is not None and rewarded.club != definition.club:
        raise ValueError("a referral rewards a card of the same club")
    layout = layouts.get(referral.programme)
    wallets = () if layout is None else layout.slots
    if not any(slot.name == referral.wallet and slot.unit == UNITS["points"] for slot in wallets):
        raise ValueError(f"programme {referral.programme} has no points {referral.wallet!r}")
    return layout
