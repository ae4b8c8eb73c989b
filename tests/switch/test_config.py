"""The configuration file: what it accepts, and how it names what it refuses."""

from pathlib import Path

import msgspec
import pytest

from switch.config import (
    Config,
    ConfigError,
    Database,
    ListenerTls,
    decode_config,
    load_config,
    read_dsn,
    read_pan_key,
)

EXAMPLE = Path(__file__).parents[2] / "config" / "bashgah.example.toml"
EMBEDDED = "[postgres]\nenabled = true\n"
BANK = '[[issuer]]\nname = "bank"\nport = 8583\ninstitution = "627353"\n'
LISTENER = '[[listener]]\nname = "pos"\nport = 0\nprofile = "pos-binary"\n'


def test_the_example_is_a_valid_configuration() -> None:
    config = load_config(EXAMPLE)

    assert [listener.name for listener in config.listener] == ["pos", "pos-text"]
    assert config.postgres.enabled


def test_the_example_shows_the_defaults_it_claims() -> None:
    config = load_config(EXAMPLE)

    for name in ("switch", "journal", "memory", "clock", "http", "log"):
        assert getattr(config, name) == getattr(Config(), name), name


def test_the_example_mentions_every_setting() -> None:
    text = EXAMPLE.read_text()

    missing = [
        f"{section.encode_name}.{field.encode_name}"
        for section in msgspec.structs.fields(Config)
        if isinstance(section.type, type)
        for field in msgspec.structs.fields(section.type)
        if f"{field.encode_name} = " not in text
    ]

    assert missing == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[journal]\nbatch_entries_max = "many"',
            "bashgah.toml: Expected int, got str - at $.journal.batch_entries_max",
        ),
        ("[journl]", "bashgah.toml: Object contains unknown field journl"),
        (
            "[journal]\nbatch = 1",
            "bashgah.toml: Object contains unknown field batch - at $.journal",
        ),
        (
            "[switch]\nshard = -1",
            "bashgah.toml: Expected int >= 0 - at $.switch.shard",
        ),
        (
            '[[listener]]\nname = "pos"\nprofile = "pos-binary"',
            "bashgah.toml: Object missing required field port - at $.listener[0]",
        ),
        ("[postgres]\ndata_dir = 5", "bashgah.toml: Expected a path, got int"),
    ],
)
def test_an_error_names_the_file_and_the_path(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_config(text, Path("bashgah.toml"))

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "$.database"),
        (EMBEDDED + '[database]\ndsn = "postgresql://x"', "$.database"),
        (EMBEDDED + "replica = false\nsynchronous = true", "$.postgres.synchronous"),
        (EMBEDDED + "[journal]\npending_entries_max = 5", "$.journal.pending_entries_max"),
        (EMBEDDED + '[switch]\ntimezone = "Asia/Atlantis"', "$.switch.timezone"),
        (EMBEDDED + '[switch]\ntimezone = "../../etc/passwd"', "$.switch.timezone"),
        (
            EMBEDDED + 2 * '[[listener]]\nname = "pos"\nport = 0\nprofile = "pos-binary"\n',
            "$.listener[1].name",
        ),
        (EMBEDDED + '[switch]\nshards = 2\nshard = 2\npeers_dir = "p"', "$.switch.shard"),
        (EMBEDDED + "[switch]\nshards = 2", "$.switch.peers_dir"),
        (
            EMBEDDED + "[switch]\nslots = [{first = 0, last = 4094, shard = 0}]",
            "$.switch.slots",
        ),
        (
            EMBEDDED
            + '[switch]\nshards = 2\npeers_dir = "p"\n'
            + '[[listener]]\nname = "pos"\nport = 0\nprofile = "pos-binary"\n',
            "$.listener[0].port",
        ),
        (EMBEDDED + BANK + BANK, "$.issuer[1].name"),
        (EMBEDDED + BANK + 'ca = "ca.pem"\n', "$.issuer[0]"),
        (
            EMBEDDED + BANK + 'framing = { length = "binary2", tpdu = true }\n',
            "$.issuer[0].framing.tpdu",
        ),
    ],
)
def test_fields_that_contradict_each_other_are_refused(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode_config(text, Path("bashgah.toml"))

    assert str(caught.value).endswith(f"at {place}")


def test_broken_toml_names_the_line() -> None:
    with pytest.raises(ConfigError, match=r"^bashgah\.toml: .*line 2"):
        decode_config("[switch]\nshard = = 1\n", Path("bashgah.toml"))


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: No such file or directory$"):
        load_config(tmp_path / "absent.toml")


def test_paths_are_relative_to_the_file() -> None:
    config = decode_config(EMBEDDED + 'data_dir = "pg"', Path("/etc/bashgah/bashgah.toml"))

    assert config.postgres.data_dir == Path("/etc/bashgah/pg")


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "pan.key"
    key_file.write_text("00" * 32)
    key_file.chmod(0o640)

    with pytest.raises(ConfigError, match=r"mode 0640 .* chmod 600"):
        read_pan_key(key_file)


def test_a_listener_may_have_certificates() -> None:
    tls = 'tls = {certificate = "a.pem", key = "a.key", client_ca = "/b.pem", names = ["A One"]}'

    config = decode_config(f"{EMBEDDED}{LISTENER}{tls}", Path("/etc/bashgah/bashgah.toml"))

    assert config.listener[0].tls == ListenerTls(
        certificate=Path("/etc/bashgah/a.pem"),
        key=Path("/etc/bashgah/a.key"),
        client_ca=Path("/b.pem"),
        names=("A One",),
    )


@pytest.mark.parametrize("name", ["", ".example", "a\\u0000b", "x" * 254])
def test_a_name_that_no_certificate_has_is_refused(name: str) -> None:
    tls = f'tls = {{certificate = "a", key = "b", client_ca = "c", names = ["{name}"]}}'

    with pytest.raises(ConfigError, match=r"at \$\.listener\[0\]\.tls\.names"):
        decode_config(f"{EMBEDDED}{LISTENER}{tls}", Path("bashgah.toml"))


def test_a_pan_key_is_32_bytes_in_hexadecimal(tmp_path: Path) -> None:
    key_file = tmp_path / "pan.key"
    key_file.touch(mode=0o600)

    key_file.write_text("0f" * 32 + "\n")
    key = read_pan_key(key_file)

    assert key == b"\x0f" * 32


@pytest.mark.parametrize("text", ["0f" * 31, "xy" * 32, "", "۰" * 64])
def test_any_other_pan_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    key_file = tmp_path / "pan.key"
    key_file.touch(mode=0o600)
    key_file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        read_pan_key(key_file)

    assert text == "" or text not in str(caught.value)


def test_a_dsn_may_be_kept_in_a_file(tmp_path: Path) -> None:
    dsn_file = tmp_path / "dsn"
    dsn_file.touch(mode=0o600)
    dsn_file.write_text("postgresql://bashgah@db/bashgah\n")

    dsn = read_dsn(Database(dsn_file=dsn_file))

    assert dsn == "postgresql://bashgah@db/bashgah"
