"""`bashgah hsm ...` at the HSM's console: custodians, key ceremonies, named keys, the audit trail.

Owns the prompts and the options. What two custodians may do is `hsm_sim.ceremony`'s rule, how a key
is made, exported or imported is the host commands': the console runs those. Secrets are typed
without an echo, or come from standard input, one a line, when it is no terminal.
"""

import getpass
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hsm_sim._keys import Key
from hsm_sim._macs import check_value
from hsm_sim.audit import TRAIL_FILE, AuditTrail, verify_audit
from hsm_sim.ceremony import AUTHORISED_FILE, AuthorisedState, Gathering, KeyCeremony, short_check
from hsm_sim.commands import keys as key_commands
from hsm_sim.commands.key_fields import NEW_KEYS, header_of
from hsm_sim.custodians import Custodians
from hsm_sim.errors import ErrorCode, Refused, Unusable
from hsm_sim.hsm import Hsm
from hsm_sim.key_store import KeyStore, StoredKey
from hsm_sim.key_types import KEY_TYPES, KeyType
from hsm_sim.lmk import AES, LMK_BYTES, KeyBlockLmk
from hsm_sim.lmk_files import load_lmk, write_lmk
from hsm_sim.production import CUSTODIANS_FILE, releases_at
from hsm_sim.releases import release_act
from switch.errors import OperatingError

console_app = typer.Typer(no_args_is_help=True, help="Custodians, ceremonies, keys, audit.")
custodian_app = typer.Typer(no_args_is_help=True, help="Who may hold components.")
lmk_app = typer.Typer(no_args_is_help=True, help="The local master key.")
key_app = typer.Typer(no_args_is_help=True, help="Keys under the LMK, by name.")
audit_app = typer.Typer(no_args_is_help=True, help="What was done, by whom.")
for name, sub in (
    ("custodian", custodian_app),
    ("lmk", lmk_app),
    ("key", key_app),
    ("audit", audit_app),
):
    console_app.add_typer(sub, name=name)

LMK_FILE = "hsm.lmk"
TYPES = {kind.name: kind for kind in KEY_TYPES}

Home = Annotated[Path, typer.Option("--home", help="The directory of the HSM's files.")]
LmkName = Annotated[
    str | None, typer.Option("--lmk", help="test, or a file.", show_default="HOME/hsm.lmk")
]
CustodianNames = Annotated[
    list[str], typer.Option("--custodian", help="Who takes part; two at least.")
]
TypeName = Annotated[str, typer.Option("--type", help=", ".join(TYPES))]
AlgorithmName = Annotated[str, typer.Option("--algorithm", help=", ".join(NEW_KEYS))]
Exportability = Annotated[str, typer.Option(help="E in blocks, S in any form, N not at all.")]
HOME = Path("var/hsm")


@custodian_app.command("add")
def add_custodian(name: str, home: Home = HOME) -> None:
    """Add a custodian, who chooses a passphrase."""
    with _console(home) as trail:
        passphrase = _ask(f"New passphrase of {name}")
        if _ask("The same again") != passphrase:
            raise Unusable("two different passphrases")
        _custodians(home).add(name, passphrase)
        trail.add([name], "custodian add", "added")
    print(f"{name} is a custodian")


@lmk_app.command("component")
def new_component(algorithm: AlgorithmName = "A3", home: Home = HOME) -> None:
    """Show a new random component and its check value, to be written down by one custodian."""
    with _console(home) as trail:
        kind, length = _form(algorithm)
        secret = os.urandom(length)
        value = short_check(Key.of(kind, secret))
        trail.add([getpass.getuser()], "component", "shown", {"check_value": value})
    print(f"component    {secret.hex().upper()}\ncheck value  {value}")


@lmk_app.command("form")
def form_lmk(custodian: CustodianNames, home: Home = HOME) -> None:
    """Form the LMK from components: of AES, 64 hexadecimal characters each."""
    with _console(home) as trail:
        if (home / LMK_FILE).exists():
            raise Unusable(f"{home / LMK_FILE} is there; an LMK is never overwritten")
        key = _form_key("lmk form", custodian, AES, LMK_BYTES, home, trail)
        lmk = write_lmk(home / LMK_FILE, key)
    print(f"{home / LMK_FILE}: LMK {lmk.check_value}")


@key_app.command("generate")
def generate_key(
    name: str,
    type_name: TypeName,
    algorithm: AlgorithmName = "T2",
    exportability: Exportability = "E",
    home: Home = HOME,
    lmk_name: LmkName = None,
) -> None:
    """Make a random key."""
    with _console(home) as trail:
        kind, lmk = _kind(type_name), _lmk(home, lmk_name)
        form = _form(algorithm)
        header = header_of(Key.random(*form), kind, exportability)
        _keys(home).check_free(name)
        options = f"#{header.usage}{algorithm}{header.mode}00{exportability}00"
        response = _run(_hsm(home, lmk), f"A00FFFS{options}", f"key generate {name}", trail)
        _keep(home, name, kind, response[:-6], lmk, trail, "key generate")


@key_app.command("form")
def form_key(
    name: str,
    custodian: CustodianNames,
    type_name: TypeName = "ZMK",
    algorithm: AlgorithmName = "T2",
    exportability: Exportability = "E",
    home: Home = HOME,
    lmk_name: LmkName = None,
) -> None:
    """Form a key from components: one custodian each, two at least."""
    with _console(home) as trail:
        kind, lmk = _kind(type_name), _lmk(home, lmk_name)
        _keys(home).check_free(name)
        key = _form_key(f"key form {name}", custodian, *_form(algorithm), home, trail)
        sealed = lmk.seal(key, kind, "S", exportability).decode("ascii")
        _keep(home, name, kind, sealed, lmk, trail, "key form")


@key_app.command("import")
def import_key(
    name: str,
    key: Annotated[str, typer.Argument(help="The key under the ZMK, as R and a TR-31 block.")],
    zmk: Annotated[str, typer.Option(help="The name of the ZMK it is under.")],
    type_name: TypeName,
    home: Home = HOME,
    lmk_name: LmkName = None,
) -> None:
    """Take a key from another zone."""
    with _console(home) as trail:
        kind, lmk = _kind(type_name), _lmk(home, lmk_name)
        store = _keys(home)
        store.check_free(name)
        command = f"A6FFF{store.get(zmk).sealed}{key}S"
        response = _run(_hsm(home, lmk), command, f"key import {name}", trail)
        _keep(home, name, kind, response[:-6], lmk, trail, "key import")


@key_app.command("export")
def export_key(
    name: str,
    zmk: Annotated[str, typer.Option(help="The name of the ZMK to put it under.")],
    scheme: Annotated[str, typer.Option(help="R a TR-31 block; X, U, T, Y older forms.")] = "R",
    home: Home = HOME,
    lmk_name: LmkName = None,
) -> None:
    """Show a key under a ZMK. A ZMK leaves only while the HSM is authorised."""
    with _console(home) as trail:
        lmk, store = _lmk(home, lmk_name), _keys(home)
        command = f"A8FFF{store.get(zmk).sealed}{store.get(name).sealed}{scheme}"
        response = _run(_hsm(home, lmk), command, f"key export {name}", trail)
        details = {"zmk": zmk, "check_value": response[-6:]}
        trail.add([getpass.getuser()], f"key export {name}", "exported", details)
    print(f"{response[:-6]}\ncheck value  {response[-6:]}")


@key_app.command("list")
def list_keys(home: Home = HOME) -> None:
    """List the keys: name, type, check value, and the LMK they are under."""
    with _console(home):
        found = _keys(home).keys()
    for name, key in found.items():
        print(f"{name:<24} {key.kind:<8} {key.check_value}  LMK {key.lmk}")


@console_app.command("authorise")
def authorise(
    custodian: CustodianNames,
    minutes: Annotated[int, typer.Option(min=1, help="For how long.")] = 60,
    home: Home = HOME,
    lmk_name: LmkName = None,
) -> None:
    """Let the HSM do what needs two custodians, for a while."""
    with _console(home) as trail:
        gathering = Gathering("authorise", _custodians(home), trail)
        for person in custodian:
            gathering.join(person, _ask(f"Passphrase of {person}"))
        until_ns = _authorised(home, _lmk(home, lmk_name)).begin(gathering, minutes * 60)
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until_ns // 1_000_000_000))
    print(f"authorised until {until}")


@console_app.command("unauthorise")
def unauthorise(home: Home = HOME, lmk_name: LmkName = None) -> None:
    """End the authorised state; one person may."""
    with _console(home) as trail:
        _authorised(home, _lmk(home, lmk_name)).end(getpass.getuser(), trail)
    print("not authorised")


@console_app.command("release")
def release(
    custodian: Annotated[str, typer.Option(help="Who agrees; each by himself.")],
    batch: Annotated[str, typer.Option(help="The batch of vouchers.")],
    count: Annotated[int, typer.Option(help="How many vouchers it has.")],
    recipient: Annotated[str, typer.Option(help="SHA-256 of the print house's certificate.")],
    home: Home = HOME,
    lmk_name: LmkName = None,
) -> None:
    """Agree to a batch's export; the token goes to whoever exports it, with another custodian's."""
    with _console(home):
        act = release_act(batch, count, recipient)
        releases = releases_at(home, _lmk(home, lmk_name), time.time_ns)
        token = releases.token(custodian, _ask(f"Passphrase of {custodian}"), act)
    print(f"{custodian}:{token.hex().upper()}")


@audit_app.command("verify")
def verify_trail(home: Home = HOME) -> None:
    """Say whether every line of the audit trail is there, as it was written; exit code 1 if not."""
    with _console(home):
        report = verify_audit(_trail_path(home))
    for number in report.clock_went_back:
        print(f"line {number}: the clock had gone back")
    if report.difference is not None:
        print(report.difference, file=sys.stderr)
        raise typer.Exit(1)
    print(f"{report.entries} entries, all as written; last hash {report.hash}")


@contextmanager
def _console(home: Path) -> Iterator[AuditTrail]:
    """Open the HSM's directory; what must not be used is one line for the person."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield AuditTrail(_trail_path(home), time.time_ns)
    except Unusable as error:
        raise OperatingError(str(error)) from None
    except Refused as refusal:
        raise OperatingError(_told(refusal.code)) from None


def _trail_path(home: Path) -> Path:
    return home / TRAIL_FILE


def _custodians(home: Path) -> Custodians:
    return Custodians(home / CUSTODIANS_FILE)


def _keys(home: Path) -> KeyStore:
    return KeyStore(home / "keys.json")


def _authorised(home: Path, lmk: KeyBlockLmk) -> AuthorisedState:
    return AuthorisedState(home / AUTHORISED_FILE, lmk, time.time_ns)


def _lmk(home: Path, name: str | None) -> KeyBlockLmk:
    lmk = load_lmk(str(home / LMK_FILE) if name is None else name)
    if not isinstance(lmk, KeyBlockLmk):
        raise Unusable("the console works with a key-block LMK")
    return lmk


def _hsm(home: Path, lmk: KeyBlockLmk) -> Hsm:
    hsm = Hsm({0: lmk}, {command.code: command for command in key_commands.COMMANDS})
    hsm.authorised = _authorised(home, lmk).holds()
    return hsm


def _run(hsm: Hsm, command: str, what: str, trail: AuditTrail) -> str:
    """Run a host command and give its fields; a refusal is on the trail."""
    response = hsm.execute(command.encode("utf-8")).decode("ascii")
    code, fields = response[2:4], response[4:]
    if code not in ("00", "01"):
        trail.add([getpass.getuser()], what, f"refused: {code}")
        raise Unusable(f"{what}: {_told(ErrorCode(code))}")
    return fields


def _told(code: ErrorCode) -> str:
    return f"error {code.value}, {code.name.lower().replace('_', ' ')}"


def _keep(
    home: Path,
    name: str,
    kind: KeyType,
    sealed: str,
    lmk: KeyBlockLmk,
    trail: AuditTrail,
    what: str,
) -> None:
    """Keep a sealed key that opens as its type, under its name."""
    value = check_value(lmk.open(sealed.encode("ascii"), kind)).hex().upper()[:6]
    stored = StoredKey(
        kind=kind.name,
        sealed=sealed,
        check_value=value,
        lmk=lmk.check_value,
        made_at_ns=time.time_ns(),
    )
    _keys(home).add(name, stored)
    details = {"type": kind.name, "check_value": value}
    trail.add([getpass.getuser()], f"{what} {name}", "kept", details)
    print(f"{sealed}\ncheck value  {value}")


def _form_key(
    purpose: str, names: list[str], algorithm: int, length: int, home: Path, trail: AuditTrail
) -> Key:
    ceremony = KeyCeremony(Gathering(purpose, _custodians(home), trail), algorithm, length)
    for name in names:
        passphrase = _ask(f"Passphrase of {name}")
        component = _component(_ask(f"Component of {name}, hexadecimal"), algorithm)
        print(f"{name}: check value {ceremony.add(name, passphrase, component)}")
    return ceremony.finish()


def _component(text: str, algorithm: int) -> Key:
    try:
        return Key.of(algorithm, bytes.fromhex(text))
    except ValueError:
        # Not the text, nor its length: that would be a part of the secret.
        raise Unusable("not a component: hexadecimal characters, as many as the key has") from None


def _kind(name: str) -> KeyType:
    if name not in TYPES:
        raise Unusable(f"no type of key {name}; there are {', '.join(TYPES)}")
    return TYPES[name]


def _form(algorithm: str) -> tuple[int, int]:
    if algorithm not in NEW_KEYS:
        raise Unusable(f"no algorithm {algorithm}; there are {', '.join(NEW_KEYS)}")
    return NEW_KEYS[algorithm]


def _ask(question: str) -> str:
    """Read a secret: without an echo at a terminal, else a line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{question}: ")
    line = sys.stdin.readline()
    if not line:
        raise Unusable(f"{question}: standard input has ended")
    return line.rstrip("\n")
