"""A configuration written and read again is the same configuration."""

from pathlib import Path

from bashgah.config_text import config_text
from switch.config import (
    Config,
    Database,
    FramingOverride,
    Keys,
    Listener,
    ListenerTls,
    Log,
    Postgres,
    decode_config,
)

PATH = Path("/etc/bashgah/switch.toml")


def test_a_whole_configuration_survives_being_written() -> None:
    config = Config(
        listener=(
            Listener(name="pos", port=8583, profile="pos-binary"),
            Listener(
                name="odd",
                port=0,
                profile="pos-ascii",
                framing=FramingOverride(length="bcd2", tpdu=True),
                tls=ListenerTls(
                    certificate=Path("/etc/bashgah/a.pem"),
                    key=Path("/etc/bashgah/a.key"),
                    client_ca=Path("/etc/bashgah/b.pem"),
                    names=('A "One"', "b.example"),
                ),
            ),
        ),
        database=Database(dsn='postgresql://u@/db?host=/a "b"\\c&passfile=/کلید'),
        keys=Keys(pan_key_file=Path("/var/lib/bashgah/pan.key")),
        log=Log(exchanges="off"),
        postgres=Postgres(data_dir=Path("/srv/pg")),
    )

    assert decode_config(config_text(config), PATH) == config


def test_an_embedded_database_survives_being_written() -> None:
    config = Config(postgres=Postgres(enabled=True, data_dir=Path("/srv/pg"), synchronous=True))

    assert decode_config(config_text(config), PATH) == config
