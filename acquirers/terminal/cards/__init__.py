"""Cards in the hand: what a terminal reads from a stripe, a chip, or a virtual card, and how.

Owns readers and the dialog with a chip. Must not know what a payment is: it is handed the terms of
one and gives the card as it was presented.
"""
