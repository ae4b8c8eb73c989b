"""The shipped specs by name, each compiled when it is first asked for."""

from functools import cache

from switch.iso8583._plan import Spec
from switch.iso8583.errors import SpecError
from switch.iso8583.spec import RawSpec, compile_spec
from switch.iso8583.specs import iso1987_ascii, iso1987_binary, iso1987_ebcdic, iso1993_ascii

SPECS: dict[str, RawSpec] = {
    "iso1987-ascii": iso1987_ascii.SPEC,
    "iso1987-binary": iso1987_binary.SPEC,
    "iso1987-ebcdic": iso1987_ebcdic.SPEC,
    "iso1993-ascii": iso1993_ascii.SPEC,
}


@cache
def named(name: str) -> Spec:
    """The compiled spec of that name; the same object every time. Raises `SpecError`."""
    if name not in SPECS:
        raise SpecError(f"no spec is called {name!r}; there are {', '.join(SPECS)}")
    return compile_spec(SPECS[name], name)
