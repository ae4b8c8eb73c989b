"""`python -m bashgah`, and the `bashgah` command: refuses a Python that skips its assertions."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    # An assertion that fails ends the process before a wrong balance is made durable: -O would
    # take that away. Asked before anything else is imported.
    if not __debug__:
        sys.stderr.write("bashgah: refused: python -O removes the assertions that guard money\n")
        return 2
    from bashgah.cli import run  # noqa: PLC0415 (after the check above)

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
