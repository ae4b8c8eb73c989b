"""The settings of the embedded servers, each with its reason, as a table.

They are written to `bashgah.conf` in the data directory at every start. What the journal's promise
rests on is also given on the command line, where no file and no ALTER SYSTEM can undo it.
"""

from collections.abc import Mapping
from pathlib import Path

from bashgah.postgres.errors import LaunchError

CONF_NAME = "bashgah.conf"

# "Approved" is said after COMMIT returns. With any of these off that would be a lie after a crash.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
AT_LEAST_AS_DURABLE = ("on", "remote_apply")

# fmt: off
SETTINGS: tuple[tuple[str, str, str], ...] = (
    # name                           value      reason
    ("shared_buffers",               "256MB",   "the hot partition's pages and its one index"),
    ("wal_buffers",                  "16MB",    "a group commit of 500 wide rows fits many times"),
    ("wal_init_zero",                "off",     "writes a growing log once: -13 % CPU a row there"),
    ("wal_level",                    "replica", "the replica streams from the first byte on"),
    ("backend_flush_after",          "1MB",     "else the kernel writes 30 s of rows at once"),
    ("bgwriter_flush_after",         "1MB",     "the same"),
    ("bgwriter_delay",               "10ms",    "full pages are written beside the commits ..."),
    ("bgwriter_lru_maxpages",        "1000",    "... up to 800 MB/s, 80 at 100,000 rows/s ..."),
    ("bgwriter_lru_multiplier",      "4",       "... so that no commit has to make room"),
    ("max_wal_size",                 "4GB",     "checkpoints by the clock, not by volume"),
    ("checkpoint_timeout",           "15min",   "fewer full page images; bounds crash recovery"),
    ("checkpoint_completion_target", "0.9",     "spread writes, so no commit meets a burst"),
    ("max_wal_senders",              "8",       "replica, its base backup, a backup, spare"),
    ("max_replication_slots",        "8",       "one per replica, spare"),
    ("max_slot_wal_keep_size",       "4GB",     "a dead replica must not fill the journal's disk"),
    ("hot_standby_feedback",         "on",      "the replica does not cancel long panel queries"),
    ("max_connections",              "60",      "a writer per shard, panels, auditors; bounded"),
    ("idle_in_transaction_session_timeout", "60s", "forgotten, it would block a takeover"),
    ("statement_timeout",            "0",       "a cancelled commit would look like success"),
    ("jit",                          "off",     "statements are short; compiling costs more"),
    ("password_encryption",          "'scram-sha-256'", "no md5, anywhere"),
    ("timezone",                     "'UTC'",   "times are UTC; business dates are columns"),
    ("log_timezone",                 "'UTC'",   "the same in the log"),
    ("log_line_prefix",              "'%m [%p] %q%u@%d '", "when, who, where"),
    ("log_checkpoints",              "off",     "the log is for what needs a person"),
    ("log_statement",                "'none'",  "rows do not reach the log ..."),
    ("log_min_error_statement",      "panic",   "... nor statements that failed ..."),
    ("log_parameter_max_length",     "0",       "... nor their parameters ..."),
    ("log_error_verbosity",          "terse",   "... nor \"Failing row contains (...)\""),
)
# fmt: on


def check_durable(extra: Mapping[str, str]) -> None:
    """Raise `LaunchError` when `extra` would weaken what "approved" means."""
    for name, value in extra.items():
        if name.lower() in DURABLE and value.strip("'").lower() not in AT_LEAST_AS_DURABLE:
            raise LaunchError(f"refused: {name} = {value} (an approval would not survive a crash)")


def write_settings(data_dir: Path, settings: Mapping[str, str]) -> None:
    """Write `bashgah.conf` into `data_dir`: the table above, overlaid with `settings`."""
    check_durable(settings)
    lines = ["# Written by the launcher at every start; change [postgres] in bashgah.toml instead."]
    lines += [
        f"{name} = {value}  # {reason}" for name, value, reason in SETTINGS if name not in settings
    ]
    lines += [f"{name} = {value}" for name, value in settings.items()]
    (data_dir / CONF_NAME).write_text("\n".join(lines) + "\n")


def include_settings(data_dir: Path) -> None:
    """Make a fresh cluster's `postgresql.conf` read `bashgah.conf`; the last line wins."""
    with (data_dir / "postgresql.conf").open("a") as conf:
        conf.write(f"\ninclude '{CONF_NAME}'\n")


def durable_arguments(settings: Mapping[str, str]) -> list[str]:
    """Return the command line that fixes the durable settings, stricter values kept."""
    chosen = DURABLE | {name: settings[name] for name in DURABLE if name in settings}
    return [argument for name, value in chosen.items() for argument in ("-c", f"{name}={value}")]


def quoted(value: str) -> str:
    """Return `value` as a quoted string of a configuration file, or of psql's \\set."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
