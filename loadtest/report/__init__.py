"""The report of a load run: one HTML file that needs no network and no script."""

from acquirers.terminal.texts import Language
from loadtest.report.page import render

__all__ = ["Language", "render"]
