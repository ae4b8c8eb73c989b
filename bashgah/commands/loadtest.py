"""`bashgah loadtest`: put load on an ISO 8583 host, ours or another's, and see what it holds.

Owns the list of its sub-commands; each is a module of its own, `loadtest_<name>.py`.
"""

import typer

from bashgah.commands import (
    loadtest_ceiling,
    loadtest_check,
    loadtest_reports,
    loadtest_run,
    loadtest_workloads,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Put load on an ISO 8583 host; see what it holds.",
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(loadtest_run.command)
loadtest_reports.register(app, loadtest_run.rate_runner)
app.command("ceiling")(loadtest_ceiling.command)
app.command("workloads")(loadtest_workloads.command)
app.command("check")(loadtest_check.command)
