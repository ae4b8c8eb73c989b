"""Wiring: the one composition root and the command line."""
