"""Gives the tests of cards a switch; and says, where nobody can overlook it, what did not run."""

import pytest

from tests.golden.demo_switch import demo_switch

__all__ = ["demo_switch"]

NOT_RUN = "NOTHING WAS TESTED WITH A REAL PC/SC READER"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Open a section of the summary when pcscd and what belongs to it were not there."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if any(NOT_RUN in reason for reason in skipped):
        terminalreporter.section(NOT_RUN, sep="!", red=True, bold=True)
        terminalreporter.line("docs/cards.md says what to install: pcscd, vsmartcard-vpcd, pyscard")
