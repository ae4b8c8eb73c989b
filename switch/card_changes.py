"""What an event changes of one card: its state, its date, its tries, its credit.

Owns what is refused. Must not know how a card is found, nor who asks.
"""

from switch._core import Core
from switch._plan_loading import set_credit_limit
from switch._security import reset_pin_tries
from switch.events import CardReissued, CardStatusChanged, CreditLimitSet, PinTriesReset

CardChange = CardStatusChanged | CardReissued | CreditLimitSet | PinTriesReset


def change_card(core: Core, event: CardChange) -> None:
    """Let it take effect. Raises ValueError; then nothing has changed."""
    if not 0 <= event.card < core.card_count:
        raise ValueError(f"card {event.card} is not known")
    match event:
        case CardStatusChanged():
            core.set_card_status(event.card, event.status)
        case CardReissued():
            if not core.reissue_card(event.card, event.expires_yymm, event.new_chip):
                raise ValueError(f"card {event.card}: lost, closed, or good for as long already")
        case CreditLimitSet():
            if not set_credit_limit(core, event.card, event.limit_minor):
                raise ValueError(f"card {event.card}: its programme gives no credit")
        case PinTriesReset():
            reset_pin_tries(core, event.card)
