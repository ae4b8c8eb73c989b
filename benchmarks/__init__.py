"""Benchmarks: each module has `cases()` and prints a table when run."""
