"""What a programme says of another programme's cards: whom it rewards, whose vouchers it takes.

Owns the checks of that, of who funds it, and of the vouchers that it is loaded with. Each raises
ValueError with a sentence; `switch.directory` says of which event. Must not know what is moved.
"""

from collections.abc import Mapping

from switch._core import Core
from switch._security import knows_digest, set_voucher_rules
from switch.events import CardsAdded, OrganisationAdded
from switch.machine import NO_SLOT, UNITS, Layout
from switch.programme import Programme, bins_overlap

DIGEST_BYTES = 32
PREFIXES_MAX = 256
"""Of card numbers, of all programmes together: HOST_PREFIXES_MAX of the core."""

Programmes = Mapping[int, Programme]
Layouts = Mapping[int, Layout]


def funder_of(
    definition: Programme, programmes: Programmes, organisations: Mapping[int, OrganisationAdded]
) -> int:
    """Give the organisation that funds a programme, 0 = none. Cards' money stays one's own."""
    live = programmes.get(definition.programme)
    if live is not None and live.organisation not in (0, definition.organisation):
        raise ValueError(f"organisation {live.organisation} funds what its cards have")
    found = organisations.get(definition.organisation)
    if definition.organisation and (found is None or found.club != definition.club):
        raise ValueError(f"its club has no organisation {definition.organisation}")
    return definition.organisation


def check_bins(definition: Programme, programmes: Programmes) -> None:
    """Refuse prefixes of card numbers that another programme has, or too many."""
    others = [one for one in programmes.values() if one.programme != definition.programme]
    for other in others:
        if bins_overlap(other, definition):
            raise ValueError(f"a prefix of its cards' numbers is programme {other.programme}'s")
    if sum(len(one.bins) for one in (*others, definition)) > PREFIXES_MAX:
        raise ValueError(f"more than {PREFIXES_MAX} prefixes")


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
