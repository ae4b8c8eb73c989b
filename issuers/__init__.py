"""Issuer programmes: one card product per file."""
