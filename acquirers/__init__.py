"""Acquirer profiles: one per kind of requester."""
