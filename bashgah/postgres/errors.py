"""The one error that leaves this package: the machine does not let PostgreSQL run as it should."""

from switch.errors import OperatingError


class LaunchError(OperatingError):
    """`str(error)` says what is wrong and, where known, what to do about it."""
