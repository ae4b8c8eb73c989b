"""What a programme says of another programme's cards: whom it rewards, whose vouchers it takes.

Owns the checks of that, and of the vouchers that a programme is loaded with. Each raises ValueError
with a sentence; `switch.directory` says of which event. Must not know what is moved.
"""

from collections.abc import Mapping

from switch._core import Core
from switch._security import knows_digest, set_voucher_rules
from switch.events import CardsAdded
from switch.machine import NO_SLOT, UNITS, Layout
from switch.programme import Programme

DIGEST_BYTES = 32

Programmes = Mapping[int, Programme]
Layouts = Mapping[int, Layout]


def rewarded_layout(
    definition: Programme, programmes: Programmes, layouts: Layouts
) -> Layout | None:
    """Give the accounts of the cards that guests of this programme are linked to."""
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


def voucher_layout(
    definition: Programme, programmes: Programmes, layouts: Layouts
) -> Layout | None:
    """Give the accounts of the vouchers that this programme's cards take."""
    vouchers = definition.vouchers
    live = programmes.get(definition.programme)
    if live is not None and (live.stock is None) != (definition.stock is None):
        raise ValueError("what its cards are, vouchers or not, cannot change")
    if vouchers is None:
        return None
    found = programmes.get(vouchers.programme)
    if found is not None and (found.stock is None or found.club != definition.club):
        raise ValueError(f"its club has no vouchers of programme {vouchers.programme}")
    layout = layouts.get(vouchers.programme)
    if layout is None:
        raise ValueError(f"vouchers of programme {vouchers.programme}, which is not known")
    return layout


def put_voucher_rules(core: Core, row: int, definition: Programme, layout: Layout) -> None:
    """Tell the core where a programme's vouchers have their value, or whose its cards take."""
    stock, vouchers = definition.stock, definition.vouchers
    set_voucher_rules(
        core,
        row,
        are_vouchers=stock is not None,
        money_slot=layout.first_of("money"),
        points_slot=layout.first_of("points"),
        sold_slot=NO_SLOT if stock is None else layout.slot("activated"),
        programme=0 if vouchers is None else vouchers.programme,
        tries_max=0 if vouchers is None else vouchers.tries_max,
        terminal_tries_max=0 if vouchers is None else vouchers.terminal_tries_max,
    )


def check_vouchers(core: Core, definition: Programme, event: CardsAdded, count: int) -> None:
    """Refuse vouchers that have no PIN of their own, and cards that have one."""
    if definition.stock is None:
        if event.digests or event.price_minor or event.points:
            raise ValueError(f"programme {event.programme} has no vouchers")
        return
    if len(event.digests) != DIGEST_BYTES * count or event.price_minor == 0:
        raise ValueError("each voucher has the digest of its PIN, and a price")
    if event.points and not definition.stock.points:
        raise ValueError(f"vouchers of programme {event.programme} are not worth points")
    places = range(0, len(event.digests), DIGEST_BYTES)
    digests = {event.digests[at : at + DIGEST_BYTES] for at in places}
    if len(digests) != count or any(knows_digest(core, digest) for digest in digests):
        raise ValueError("a voucher with the PIN of another one")
