"""The page of a replay: one HTML file that needs no network and no script, and its short text."""

from acquirers.terminal.texts import Language
from bashgah.replay_report.page import render
from bashgah.replay_report.summary import summary

__all__ = ["Language", "render", "summary"]
