"""A PIN into a document that leaves encrypted: the only way in which a card's PIN is ever written.

Owns one function. Which PIN and whose printer is its callers'.
"""
