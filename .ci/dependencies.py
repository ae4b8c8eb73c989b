"""Print what `pyproject.toml` depends on, development included, as pip's requirements."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
requirements = project["dependencies"] + project["optional-dependencies"]["dev"]
print("\n".join(requirements))
