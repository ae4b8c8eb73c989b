"""Servers to measure against: the echo server in C, compiled when it is first needed."""

from loadtest.baseline.echo import Echo, running_echo

__all__ = ["Echo", "running_echo"]
