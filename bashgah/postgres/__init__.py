"""Embedded PostgreSQL: a primary and a streaming replica under a launcher of our own.

Owns the life of the servers: files, identity, settings, start, stop, crash. Knows nothing of the
switch but its family of errors: not its tables, not its configuration. Standard library only.
"""

from bashgah.postgres.cluster import Cluster
from bashgah.postgres.errors import LaunchError
from bashgah.postgres.identity import Identity
from bashgah.postgres.server import Server

__all__ = ["Cluster", "Identity", "LaunchError", "Server"]
