"""Build of the compiled core: every `.pyx` below the packages becomes an extension.

`BASHGAH_DEBUG=1` builds with bounds checks, line tracing, `assert`s in C and an annotated listing.
`BASHGAH_EXTENSIONS=0` builds none, for `make`, which installs first and compiles in place. Metadata
and dependencies are in `pyproject.toml`.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
DEBUG = os.environ.get("BASHGAH_DEBUG") == "1"
WANTED = os.environ.get("BASHGAH_EXTENSIONS") != "0"
PACKAGES = ("hsm_sim", "loadtest", "switch")
# What a package or a module links besides the C library.
LIBRARIES = {"hsm_sim": ["crypto"], "switch._tls": ["ssl", "crypto"]}

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "linetrace": DEBUG,
    "embedsignature": True,
}


OPENSSL = """
#include <openssl/ssl.h>
#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error too old
#endif
"""


def expect_openssl() -> None:
    """End with what to install, rather than with a compiler's errors."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    flags = shlex.split(os.environ.get("CPPFLAGS", "") + " " + os.environ.get("CFLAGS", ""))
    try:
        tried = subprocess.run(
            [*compiler, *flags, "-E", "-x", "c", "-"],
            input=OPENSSL.encode(),
            capture_output=True,
            check=False,
        )
    except OSError:
        return  # without a compiler the build says so itself
    if tried.returncode != 0:
        sys.exit(
            "the headers of OpenSSL 3.0 or newer are missing (for the switch's TLS, for hsm_sim);"
            " install libssl-dev (Debian, Ubuntu) or openssl-devel (Fedora, RHEL)"
        )


def libraries(module: str) -> list[str]:
    """What a module links: its own row in `LIBRARIES`, or its package's."""
    return LIBRARIES.get(module, LIBRARIES.get(module.split(".")[0], []))


def extensions() -> list[Extension]:
    """One extension per `.pyx`, named after its path."""
    expect_openssl()
    found = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.pyx"))
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]
    return [
        Extension(
            module,
            [str(path.relative_to(ROOT))],
            include_dirs=[str(ROOT)],
            libraries=libraries(module),
            depends=[str(header.relative_to(ROOT)) for header in path.parent.glob("*.h")],
            extra_compile_args=["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g1"],
            define_macros=[("CYTHON_TRACE", "1")] if DEBUG else [],
        )
        for module, path in zip(modules, found, strict=True)
    ]


setup(
    ext_modules=cythonize(
        extensions() if WANTED else [],
        compiler_directives=DIRECTIVES,
        annotate=DEBUG,
        # build_ext knows this option, cythonize does not see it: a change of mode needs both.
        force="--force" in sys.argv,
        nthreads=os.cpu_count() or 1,
    )
)
