"""A simulated hardware security module: host commands over TCP, keys, PINs, cards, vouchers.

Stands alone: it imports nothing of the switch, and the switch speaks to it over the wire only.
"""
