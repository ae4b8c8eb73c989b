"""A point of sale that a person can use from a shell, and the client that terminals' tests use.

Owns the terminal's side of docs/pos-interface.md: composing requests, waiting for its own reply,
repeating, reversing, receipts. Must not know how the switch decides, nor any demo data: cards,
terminals and addresses are handed in.
"""
