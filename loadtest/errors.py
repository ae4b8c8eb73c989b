"""What is wrong with a file that somebody wrote for the harness. Knows no file's meaning."""

from switch.errors import OperatingError


class LoadtestError(OperatingError):
    """A workload, target or spec that cannot be used; the text names the file and the path."""
