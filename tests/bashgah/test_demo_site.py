"""The demo's ports and key file."""

import socket
import stat
from pathlib import Path

from bashgah.demo_site import HOST, demo_config, free_port, write_pan_key
from switch.config import read_pan_key


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.create_server((HOST, 0)) as taken:
        wanted = taken.getsockname()[1]

        found = free_port(wanted)

    assert found != wanted
    assert free_port(found) == found


def test_the_pan_key_is_written_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "pan.key"

    write_pan_key(path)
    first = read_pan_key(path)
    write_pan_key(path)

    assert read_pan_key(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_demo_listens_on_loopback_only_and_keeps_its_files_together(tmp_path: Path) -> None:
    config = demo_config(tmp_path)

    assert {listener.host for listener in config.listener} == {HOST} == {config.http.host}
    assert [listener.profile for listener in config.listener] == ["pos-binary", "pos-ascii"]
    for path in (config.keys.pan_key_file, config.postgres.data_dir):
        assert path is not None
        assert path.is_relative_to(tmp_path)
