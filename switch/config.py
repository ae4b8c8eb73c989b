"""The configuration: one TOML file, decoded into frozen structs, once, at start.

It owns the names, the defaults and the bounds; `config/bashgah.example.toml` documents them. It
must not know who uses a value: the composition root hands each part what it needs. Paths in the
file are relative to the file. Secrets are never in it, only the paths of files that hold them.
"""

import stat
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from switch.errors import OperatingError
from switch.masked import Masked
from switch.slots import SHARDS_MAX, SLOT_COUNT, owners_of

PAN_KEY_BYTES = 32
HSMS_MAX = 8

Count = Annotated[int, Meta(ge=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Slot = Annotated[int, Meta(ge=0, lt=SLOT_COUNT)]
Seconds = Annotated[float, Meta(gt=0)]
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]*$", max_length=32)]

# To OpenSSL a leading dot means every name below it, and a name is as long as DNS has them.
PeerName = Annotated[str, Meta(pattern=r"^[^.\x00-\x1f][^\x00-\x1f]*$", max_length=253)]


class ConfigError(OperatingError):
    """The configuration cannot be used; the text names the file and the path inside it."""


class SlotRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[switch.slots]]`: which shard owns the cards of some slots (`switch.slots`)."""

    first: Slot
    last: Slot
    shard: Annotated[int, Meta(ge=0, lt=SHARDS_MAX)]


class Switch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[switch]`: who this process is. With several `shards`, `peers_dir` is where they meet.

    `control_dir` is where operators reach it; without, they do not (`switch.control`).
    """

    shard: Annotated[int, Meta(ge=0, le=32767)] = 0
    shards: Annotated[int, Meta(ge=1, le=SHARDS_MAX)] = 1
    peers_dir: Path | None = None
    control_dir: Path | None = None
    slots: tuple[SlotRange, ...] = ()
    timezone: str = "Asia/Tehran"
    snapshot_every_entries: Count = 1_000_000


class FramingOverride(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[listener.framing]`: where a peer frames otherwise than its profile says."""

    length: Literal["binary2", "ascii4", "bcd2", "binary4"]
    tpdu: bool = False
    length_includes_itself: bool = False


class ListenerTls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[listener.tls]`: PEM files, and which names of peers' certificates are let in; () = any."""

    certificate: Path
    key: Path
    client_ca: Path
    names: tuple[PeerName, ...] = ()


class Listener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[listener]]`: a port on which requesters of one profile connect. Port 0 is any free one."""

    name: Name
    host: str = "127.0.0.1"
    port: Port
    profile: Name
    acquirer: Annotated[str, Meta(pattern="^[0-9]{1,11}$")] | None = None
    framing: FramingOverride | None = None
    tls: ListenerTls | None = None
    connections_max: Count = 12_000
    idle_seconds_max: Seconds = 600.0
    reply_seconds_max: Seconds = 15.0


class Database(Masked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[database]`: the journal's PostgreSQL, unless `[postgres]` brings its own."""

    dsn: str | None = None
    dsn_file: Path | None = None
    replica_dsn: str | None = None
    connect_seconds_max: Seconds = 10.0

    def shown(self) -> str:
        """Show no DSN: a password may be in it."""
        return "a DSN" if self.dsn_file is None else str(self.dsn_file)


class Journal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[journal]`: bounds of the group commit."""

    # What has come while the batch before was committed; the bound is met under overload only. A
    # COPY of 1,000 rows costs the server 20 % more for each than one of 4,000 (decisions/0021).
    batch_bytes_max: Count = 4 << 20
    batch_entries_max: Count = 4_000
    # A third of a second's work at full speed; one acquirer may have two thirds of it, which is
    # more than the 20,000 terminals of one that have one message each.
    pending_entries_max: Count = 32_000


class Memory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[memory]`: bounds of what a shard keeps in memory."""

    accounts_max: Count = 2_000_000
    exchange_entries_max: Count = 1_000_000
    exchange_detail_bytes: Count = 256 << 20


class Clock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[clock]`: how far a terminal's clock may be off."""

    request_skew_seconds_max: Count = 86_400


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[keys]`: paths of key files, never keys."""

    pan_key_file: Path | None = None


class Hsm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[hsm]]`: a hardware security module. All of them hold the same LMK.

    With `ca`, `certificate` and `key` over TLS; without only where the way is protected otherwise.
    `check_value` is the LMK's: another one is not spoken to.
    """

    host: str = "127.0.0.1"
    port: Port = 1500
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    check_value: Annotated[str, Meta(pattern="^[0-9A-F]{6,16}$")] | None = None


class Issuer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[issuer]]`: the host of another bank, by the name that programmes have in `host`.

    `institution` is our own code there (DE 33). With `ca`, `certificate` and `key` over TLS.
    """

    name: Name
    host: str = "127.0.0.1"
    port: Port
    institution: Annotated[str, Meta(pattern="^[0-9]{1,11}$")]
    spec: Literal["iso1987-binary", "iso1987-ascii"] = "iso1987-ascii"
    framing: FramingOverride = FramingOverride(length="binary2")
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    answer_seconds_max: Seconds = 8.0
    echo_seconds: Seconds = 60.0


class Http(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[http]`: where metrics and health are served."""

    host: str = "127.0.0.1"
    port: Port = 9464


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[log]`: `exchanges` is `stdout`, `off` or the path of a file."""

    exchanges: str = "stdout"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Postgres(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[postgres]`: the embedded PostgreSQL. Port 0 means Unix sockets only."""

    enabled: bool = False
    data_dir: Path = Path("var/postgres")
    bin_dir: Path | None = None
    replica: bool = True
    synchronous: bool = False
    port: Annotated[int, Meta(ge=0, le=65534)] = 0


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration file."""

    switch: Switch = Switch()
    listener: tuple[Listener, ...] = ()
    database: Database = Database()
    journal: Journal = Journal()
    memory: Memory = Memory()
    clock: Clock = Clock()
    keys: Keys = Keys()
    hsm: tuple[Hsm, ...] = ()
    issuer: tuple[Issuer, ...] = ()
    http: Http = Http()
    log: Log = Log()
    postgres: Postgres = Postgres()


def load_config(path: Path) -> Config:
    """Return the configuration in the TOML file at `path`.

    Raises `ConfigError` as `bashgah.toml: Expected int, got str - at $.journal.batch_bytes_max`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8") from None
    return decode_config(text, path)


def decode_config(text: str, path: Path) -> Config:
    """Return the configuration in `text`, the content of the file at `path`; see `load_config`."""
    base_dir = path.absolute().parent

    def decode_path(kind: type, value: object) -> object:
        if kind is Path and isinstance(value, str):
            return base_dir / value
        raise msgspec.ValidationError(f"Expected a path, got {type(value).__name__}")

    try:
        config = msgspec.convert(tomllib.loads(text), Config, dec_hook=decode_path)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        # msgspec quotes types and paths like Markdown; this is for a terminal.
        raise ConfigError(f"{path}: {error}".replace("`", "")) from None
    _check(config, path)
    return config


def slot_owners(switch: Switch) -> tuple[int, ...]:
    """Return the shard that owns each slot. Raises ValueError for a map with gaps or overlaps."""
    return owners_of(
        switch.shards, [(slots.first, slots.last, slots.shard) for slots in switch.slots]
    )


def read_dsn(database: Database) -> str:
    """Return the DSN, from its file when it is kept in one. Raises `ConfigError`."""
    if database.dsn is not None:
        return database.dsn
    assert database.dsn_file is not None, "checked when the configuration was loaded"
    return _read_secret(database.dsn_file)


def read_pan_key(path: Path) -> bytes:
    """Return the 32-byte key that turns PANs into tokens. Raises `ConfigError`."""
    text = _read_secret(path)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != PAN_KEY_BYTES:
        raise ConfigError(f"{path}: expected {2 * PAN_KEY_BYTES} hexadecimal digits")
    return key


def expect_secret(path: Path) -> None:
    """Raise `ConfigError` for a file that is not there, or that others than its owner can read."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigError(f"{path}: mode {mode:04o} lets others read a secret; chmod 600 it")


def _read_secret(path: Path) -> str:
    """Return a secret file's text, when only its owner can read it."""
    expect_secret(path)
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not ASCII") from None


def _check(config: Config, path: Path) -> None:
    """Raise `ConfigError` for what one field alone cannot say."""
    sources = (config.database.dsn, config.database.dsn_file, config.postgres.enabled or None)
    if sum(source is not None for source in sources) != 1:
        raise ConfigError(
            f"{path}: one of database.dsn, database.dsn_file, postgres.enabled - at $.database"
        )
    if config.postgres.synchronous and not config.postgres.replica:
        raise ConfigError(f"{path}: synchronous needs replica - at $.postgres.synchronous")
    if config.journal.pending_entries_max < config.journal.batch_entries_max:
        raise ConfigError(f"{path}: less than batch_entries_max - at $.journal.pending_entries_max")
    try:
        ZoneInfo(config.switch.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"{path}: unknown timezone - at $.switch.timezone") from None
    if config.memory.exchange_entries_max <= 2 * config.journal.pending_entries_max:
        raise ConfigError(
            f"{path}: twice journal.pending_entries_max or less - at $.memory.exchange_entries_max"
        )
    if config.switch.control_dir is not None and (
        config.switch.control_dir == config.switch.peers_dir
    ):
        raise ConfigError(f"{path}: another one than peers_dir - at $.switch.control_dir")
    _check_shards(config, path)
    _check_hsms(config, path)
    _check_issuers(config, path)
    names: set[str] = set()
    for index, listener in enumerate(config.listener):
        if listener.name in names:
            raise ConfigError(f"{path}: a second {listener.name!r} - at $.listener[{index}].name")
        names.add(listener.name)


def _check_hsms(config: Config, path: Path) -> None:
    """Raise `ConfigError` for half of a TLS identity, or more HSMs than there are places."""
    for index, hsm in enumerate(config.hsm):
        if len({part is None for part in (hsm.ca, hsm.certificate, hsm.key)}) != 1:
            raise ConfigError(
                f"{path}: ca, certificate and key belong together - at $.hsm[{index}]"
            )
    if len(config.hsm) > HSMS_MAX:
        raise ConfigError(f"{path}: at most {HSMS_MAX} - at $.hsm")


def _check_issuers(config: Config, path: Path) -> None:
    """Raise `ConfigError` for two banks of one name, half of a TLS identity, or TPDUs."""
    names: set[str] = set()
    for index, issuer in enumerate(config.issuer):
        if issuer.name in names:
            raise ConfigError(f"{path}: a second {issuer.name!r} - at $.issuer[{index}].name")
        names.add(issuer.name)
        if len({part is None for part in (issuer.ca, issuer.certificate, issuer.key)}) != 1:
            raise ConfigError(
                f"{path}: ca, certificate and key belong together - at $.issuer[{index}]"
            )
        if issuer.framing.tpdu:
            raise ConfigError(f"{path}: a bank gets none - at $.issuer[{index}].framing.tpdu")


def _check_shards(config: Config, path: Path) -> None:
    """Raise `ConfigError` for shards that could not find each other, or their cards."""
    switch = config.switch
    try:
        slot_owners(switch)
    except ValueError as error:
        raise ConfigError(f"{path}: {error} - at $.switch.slots") from None
    if switch.shards == 1:
        return
    if switch.shard >= switch.shards:
        raise ConfigError(f"{path}: there are 0 to {switch.shards - 1} - at $.switch.shard")
    if switch.peers_dir is None:
        raise ConfigError(f"{path}: several shards need it - at $.switch.peers_dir")
    for index, listener in enumerate(config.listener):
        if listener.port == 0:
            raise ConfigError(
                f"{path}: shards share a port, so it must be named - at $.listener[{index}].port"
            )
