"""`bashgah issuers`: the PIN key shared with a bank, made here or there."""

from pathlib import Path

import msgspec
import pytest

from bashgah.commands import issuers
from hsm_sim._keys import Key
from hsm_sim._macs import check_value
from hsm_sim.hsm import Hsm
from hsm_sim.key_types import ZMK, ZPK
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from switch.errors import OperatingError
from switch.events import IssuerKeysSet
from tests.support.hsm import published_hsm, served_hsm
from tests.support.secret_search import clear

LMKS = [KeyBlockLmk.published_test_key(), VariantLmk.published_test_set()]


def hsm_with(lmk: KeyBlockLmk | VariantLmk) -> Hsm:
    hsm = published_hsm()
    hsm.lmks = {0: lmk}
    return hsm


@pytest.mark.parametrize("lmk", LMKS, ids=["blocks", "variant"])
async def test_a_key_that_is_made_for_a_bank_is_the_one_it_can_send_back(
    lmk: KeyBlockLmk | VariantLmk, tmp_path: Path
) -> None:
    variant = isinstance(lmk, VariantLmk)
    zmk = Key.random(0, 16)
    sealed_zmk = lmk.seal(zmk, ZMK, "U" if variant else "S").decode("ascii")
    async with served_hsm(hsm_with(lmk)) as (_, address):
        where = f"{address.host}:{address.port}"
        sealed, outgoing, check = await issuers._make(where, sealed_zmk, variant)
        imported, again = await issuers._import(where, sealed_zmk, outgoing, variant)

    mine = lmk.open(sealed.encode("ascii"), ZPK)
    theirs = Key.under([zmk] * 2, bytes.fromhex(outgoing[1:]))
    assert clear(mine) == clear(theirs) == clear(lmk.open(imported.encode("ascii"), ZPK))
    assert check[:6] == again[:6] == check_value(mine)[:3].hex().upper()


def test_the_file_is_what_record_takes(tmp_path: Path) -> None:
    out = tmp_path / "zpk.jsonl"

    issuers._write(out, 5, "U" + "0" * 32, "ABCDEF0123")

    event = msgspec.json.decode(out.read_bytes(), type=IssuerKeysSet)
    assert (event.programme, event.zone_pin) == (5, "U" + "0" * 32)


async def test_a_key_under_another_zmk_is_refused() -> None:
    lmk = VariantLmk.published_test_set()
    zmk, other = Key.random(0, 16), Key.random(0, 16)
    async with served_hsm(hsm_with(lmk)) as (_, address):
        where = f"{address.host}:{address.port}"
        sealed = lmk.seal(zmk, ZMK, "U").decode("ascii")
        foreign = lmk.seal(other, ZMK, "U").decode("ascii")
        _, outgoing, _ = await issuers._make(where, sealed, True)

        with pytest.raises(OperatingError, match="another ZMK"):
            await issuers._import(where, foreign, outgoing, True)


def test_an_empty_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "zmk.txt").write_text("\n")

    with pytest.raises(OperatingError, match="empty"):
        issuers._text(tmp_path / "zmk.txt")
