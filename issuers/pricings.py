"""The functions that price programmes in Python, by the names that programmes give them.

Owns the registry that the composition root hands to a switch. A name stays with its function: who
changes what it answers gives the programme a new version, and who removes one leaves journals that
no switch can serve.
"""

from collections.abc import Mapping

from issuers import purse_in_python
from switch.pricing import Pricing

PRICINGS: Mapping[str, Pricing] = {purse_in_python.NAME: purse_in_python.price}
