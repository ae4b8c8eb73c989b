"""Files of LMKs and of sealed keys: ours alone, or refused."""

import os
from pathlib import Path

import pytest

from hsm_sim._keys import Key
from hsm_sim.errors import Unusable
from hsm_sim.key_store import KeyStore, StoredKey
from hsm_sim.key_types import ZPK
from hsm_sim.lmk import PUBLISHED_TEST_KEY, KeyBlockLmk, VariantLmk
from hsm_sim.lmk_files import load_lmk, write_lmk
from hsm_sim.private_files import write_private

STORED = StoredKey(kind="ZPK", sealed="S", check_value="08D7B4", lmk="00", made_at_ns=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_lmk(tmp_path / "hsm.lmk", Key.random(1, 32))
    return tmp_path / "hsm.lmk"


def test_an_lmk_comes_back_from_its_file(tmp_path: Path) -> None:
    key = Key.random(1, 32)
    written = write_lmk(tmp_path / "hsm.lmk", key)

    read = load_lmk(str(tmp_path / "hsm.lmk"), production=True)

    sealed = written.seal(key, ZPK, "S")
    assert read.open(sealed, ZPK).same_as(key)
    assert (tmp_path / "hsm.lmk").stat().st_mode & 0o777 == 0o600


def test_published_lmks_have_names() -> None:
    assert isinstance(load_lmk("variant-test"), VariantLmk)
    assert load_lmk("test").check_value == KeyBlockLmk.published_test_key().check_value


@pytest.mark.parametrize("name", ["variant-test", "test", "file"])
def test_a_published_lmk_is_refused_in_production(tmp_path: Path, name: str) -> None:
    if name == "file":
        name = str(tmp_path / "hsm.lmk")
        write_lmk(Path(name), Key.of(1, PUBLISHED_TEST_KEY))

    load_lmk(name)
    with pytest.raises(Unusable, match="everybody knows"):
        load_lmk(name, production=True)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o700, 0o400])
def test_a_file_of_another_mode_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)

    with pytest.raises(Unusable, match="must be 0600"):
        load_lmk(str(path))


def test_a_file_of_somebody_else_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(Unusable, match="must be ours"):
        load_lmk(str(path))


def test_what_is_no_file_is_refused(tmp_path: Path, path: Path) -> None:
    (tmp_path / "link").symlink_to(path)

    for name in ("link", "nothing", "."):
        with pytest.raises(Unusable):
            load_lmk(str(tmp_path / name))


@pytest.mark.parametrize("at", [0, 14, 29, 30, 31, 62])
def test_a_changed_file_is_refused(path: Path, at: int) -> None:
    changed = bytearray(path.read_bytes())
    changed[at] ^= 1
    path.write_bytes(changed)

    with pytest.raises(Unusable):
        load_lmk(str(path))


@pytest.mark.parametrize("length", [0, 10, 31, 62, 64])
def test_a_file_of_another_length_is_refused(path: Path, length: int) -> None:
    path.write_bytes((path.read_bytes() + b"\0")[:length])

    with pytest.raises(Unusable):
        load_lmk(str(path))


def test_an_lmk_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()

    with pytest.raises(Unusable):
        write_lmk(path, Key.random(1, 32))

    assert path.read_bytes() == before


def test_stored_keys_come_back_and_are_not_overwritten(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.json")
    store.add("b", STORED)
    store.add("a", STORED)

    assert list(KeyStore(tmp_path / "keys.json").keys()) == ["a", "b"]
    assert store.get("a") == STORED
    for name in ("a", "", " a", "x" * 41):
        with pytest.raises(Unusable):
            store.add(name, STORED)
    with pytest.raises(Unusable, match="no key named"):
        store.get("c")


def test_a_file_of_keys_that_is_rubbish_is_told(tmp_path: Path) -> None:
    write_private(tmp_path / "keys.json", b"[]")

    with pytest.raises(Unusable, match="not a file of keys"):
        KeyStore(tmp_path / "keys.json").keys()


def test_a_key_that_ends_early_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(bytes(31))

    with (tmp_path / "short").open("rb") as file, pytest.raises(EOFError):
        Key.read_from(file.fileno(), 1, 32)
    with pytest.raises(OSError, match="write"), (tmp_path / "short").open("rb") as file:
        Key.random(1, 32).write_to(file.fileno())
