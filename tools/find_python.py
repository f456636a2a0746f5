"""Find a Python of an asked-for version that really runs, wherever this machine keeps it.

    python3 tools/find_python.py 3.13 3.11     prints the first found of these, or says how to get one (exit 1)

A name on PATH is no proof: a pyenv shim stands there for versions that it then refuses to run. And HOME may be empty,
so pyenv's own folder is also derived from where its shims and Pythons stand.
"""

from __future__ import annotations  # the finder itself may be started by an older Python

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable)"


def find_python(version: str) -> str | None:
    """Return the path of a Python `version` ("3.13") that runs and can make environments; None if there is none."""
    for candidate in _candidates(version):
        executable = _real_executable(candidate, version)
        if executable is not None:
            return executable
    return None


def how_to_get(version: str) -> str:
    """Tell a person how to get a Python that was not found."""
    return f"uv python install {version}, pyenv install {version}, or your system's package of Python {version}"


def _candidates(version: str) -> Iterator[str]:
    for name in (f"python{version}", "python3", "python"):
        for folder in os.get_exec_path():
            found = shutil.which(name, path=folder)
            if found:
                yield found
    yield sys.executable
    for versions in _pyenv_versions():
        yield from map(str, sorted(versions.glob(f"{version}.*/bin/python3"), reverse=True))
    yield from _asked(["uv", "python", "find", "--no-python-downloads", version])
    yield from _asked(["py", f"-{version}", "-c", "import sys; print(sys.executable)"])  # Windows' launcher


def _pyenv_versions() -> Iterator[Path]:
    roots = [os.environ.get("PYENV_ROOT"), *_asked(["pyenv", "root"]), str(Path.home() / ".pyenv")]
    for folder in [*os.get_exec_path(), str(Path(sys.base_prefix).resolve())]:
        roots += [str(parent) for parent in Path(folder).parents if (parent / "versions").is_dir()]
    for root in dict.fromkeys(filter(None, roots)):
        yield Path(root) / "versions"


def _asked(command: list[str]) -> list[str]:
    """Return the line that another tool answers with, as a list of one; nothing where it is missing or refuses."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.split("\n")[:1]


def _real_executable(candidate: str, version: str) -> str | None:
    """Return the Python that `candidate` (maybe a shim) really runs, or None if it isn't a whole Python `version`."""
    for line in _asked([candidate, "-c", PROBE]):
        found, _, executable = line.partition(" ")
        if found == version:
            return executable
    return None


def main(versions: list[str]) -> int:
    """Print the first Python found of `versions`."""
    for version in versions:
        executable = find_python(version)
        if executable is not None:
            print(executable)
            return 0
    print(f"No Python {' or '.join(versions)} found. Get one: {how_to_get(versions[0])}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
