"""The command line: which sub-commands there are, and how their failures reach a person.

It owns the list below and the exit codes: 0 done, 1 the answer is no (`verify` found a difference),
2 the world or the user failed (one line on stderr, no traceback), 130 interrupted. A bug shows its
traceback. It must not know what a command does; its module is imported when it is run, so that
`--help` takes a blink.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import typer
import typer.core
import typer.main

from switch.errors import OperatingError

OPERATING_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130


class Command(NamedTuple):
    """A sub-command: `module:attribute` is a function, or a `typer.Typer` with its own commands."""

    name: str
    target: str
    summary: str


COMMANDS = (
    Command("up", "bashgah.commands.up:command", "Start everything: PostgreSQL, switch, demo."),
    Command("switch", "bashgah.commands.switch:command", "Run the switch on your PostgreSQL."),
    Command("migrate", "bashgah.commands.migrate:command", "Bring the database to this version."),
    Command("verify", "bashgah.commands.verify:command", "Rebuild all books from the journal."),
    Command("why", "bashgah.commands.why:command", "Say why a message was answered so."),
    Command("snapshot", "bashgah.commands.snapshot:command", "Make the next recovery quick."),
    Command("terminal", "bashgah.commands.terminal:command", "Be a POS terminal, in this shell."),
    Command("lend-card", "bashgah.commands.lend_card:command", "Put a virtual card into PC/SC."),
    Command("iso", "bashgah.commands.iso:app", "Describe and encode ISO 8583 messages."),
    Command("hsm", "bashgah.commands.hsm:app", "Be a hardware security module; check one."),
    Command("vouchers", "bashgah.commands.vouchers:app", "Make and export voucher PINs."),
    Command("cards", "bashgah.commands.cards:app", "Make, load, block and unlock cards."),
    Command("terminals", "bashgah.commands.terminals:app", "Make terminals' keys; inject them."),
    Command("issuers", "bashgah.commands.issuers:app", "PIN keys shared with other banks."),
    Command("programme", "bashgah.commands.programme:app", "Change what a programme says."),
    Command("members", "bashgah.commands.members:app", "List whose membership or level ends."),
    Command("record", "bashgah.commands.record:command", "Let events of a file take effect."),
    Command("loadtest", "bashgah.commands.loadtest:app", "Put load on an ISO 8583 host."),
)

HELP = """\
Bashgah, a card switch for customer clubs: ISO 8583 in, a durable double-entry ledger, ISO 8583 out.

\b
Try it            bashgah up --demo
Be a terminal     bashgah terminal
Read a message    bashgah iso describe 0200723A...
Audit the books   bashgah verify --config bashgah.toml

Every setting is in one TOML file; config/bashgah.example.toml explains them all.
Exit codes: 0 done, 1 the answer is no, 2 something outside failed, 130 interrupted.
"""


class LazyGroup(typer.core.TyperGroup):
    """A group that shows `COMMANDS` and imports only the one that is invoked."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the real command in the place of its announcement, then resolve as ever."""
        for command in COMMANDS:
            if args and args[0] == command.name:
                self.commands[command.name] = load_command(command)
        return super().resolve_command(ctx, args)


def load_command(command: Command) -> Any:
    """Return what typer runs for `command`, its module imported."""
    module_name, _, attribute = command.target.partition(":")
    target = getattr(importlib.import_module(module_name), attribute)
    if isinstance(target, typer.Typer):
        app = target
    else:
        app = _new_app()
        app.command(command.name)(target)
    loaded = typer.main.get_command(app)
    loaded.name = command.name
    return loaded


def build_app() -> typer.Typer:
    """Return the whole command line, with no command's module imported."""
    app = _new_app(cls=LazyGroup, no_args_is_help=True, help=HELP)
    for command in COMMANDS:
        # Only announces name and summary: LazyGroup replaces it before it could run.
        app.command(command.name, help=command.summary)(_announce)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run the command line on `arguments` (without the program's name); return the exit code."""
    try:
        build_app()(args=list(arguments), prog_name="bashgah")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except BaseException as error:
        if all(isinstance(leaf, KeyboardInterrupt) for leaf in _leaves(error)):
            return INTERRUPTED_EXIT_CODE
        lines = list(_operating_lines(error))
        if not lines:
            raise
        sys.stderr.write("".join(f"{line}\n" for line in lines))
        return OPERATING_EXIT_CODE
    return 0


def _new_app(**options: Any) -> typer.Typer:
    # Plain tracebacks: a prettier one prints local variables, and those hold card numbers.
    return typer.Typer(
        pretty_exceptions_enable=False,
        # Help is plain text: in markup `[database]` would be a colour.
        rich_markup_mode=None,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


def _announce() -> None:
    raise AssertionError("LazyGroup puts the real command in this place")


def _operating_lines(error: BaseException) -> Iterator[str]:
    """Yield a line per operating error, or nothing when any part of `error` is a bug.

    A nursery wraps whatever fails inside it into an exception group: only its leaves count.
    """
    leaves = list(_leaves(error))
    described = [_describe(leaf) for leaf in leaves]
    if all(line is not None for line in described):
        yield from dict.fromkeys(f"bashgah: {line}" for line in described)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _describe(error: BaseException) -> str | None:
    """Return the one line for an operating error, or None for a bug."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, OperatingError):
        return str(error)
    if isinstance(error, OSError):
        # A refused connection, a port in use, an unreadable file: its text names the object.
        return str(error) or type(error).__name__
    # Only now: a bug in the switch must not wait for a database driver to be reported.
    import asyncpg  # noqa: PLC0415 (the reason is the line above)

    database_away = (
        asyncpg.PostgresConnectionError,
        asyncpg.CannotConnectNowError,
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
    )
    return f"database: {error}" if isinstance(error, database_away) else None
