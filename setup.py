"""Build of the compiled core: every `.pyx` below the packages becomes an extension.

`BASHGAH_DEBUG=1` builds with bounds checks, line tracing, `assert`s in C and an annotated listing.
`BASHGAH_EXTENSIONS=0` builds none, for `make`, which installs first and compiles in place. Metadata
and dependencies are in `pyproject.toml`.
"""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
DEBUG = os.environ.get("BASHGAH_DEBUG") == "1"
WANTED = os.environ.get("BASHGAH_EXTENSIONS") != "0"
PACKAGES = ("hsm_sim", "loadtest", "switch")
# What a package links besides the C library.
LIBRARIES = {"hsm_sim": ["crypto"]}

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "linetrace": DEBUG,
    "embedsignature": True,
}


def extensions() -> list[Extension]:
    """One extension per `.pyx`, named after its path."""
    found = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.pyx"))
    return [
        Extension(
            ".".join(path.relative_to(ROOT).with_suffix("").parts),
            [str(path.relative_to(ROOT))],
            include_dirs=[str(ROOT)],
            libraries=LIBRARIES.get(path.relative_to(ROOT).parts[0], []),
            depends=[str(header.relative_to(ROOT)) for header in path.parent.glob("*.h")],
            extra_compile_args=["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g1"],
            define_macros=[("CYTHON_TRACE", "1")] if DEBUG else [],
        )
        for path in found
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
