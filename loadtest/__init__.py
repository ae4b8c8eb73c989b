"""Load: how we find out what a switch holds."""
