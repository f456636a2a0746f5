"""Fetch a Python with uv, for a machine that has none for which there is a `bpy`.

python3 tools/download_python.py 3.13      prints the path of the Python that was fetched, into .venv/pythons
"""

from __future__ import annotations  # it may be started by an older Python

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from find_python import find_python, how_to_get

VENV = Path(__file__).resolve().parents[1] / ".venv"


def download_python(version: str) -> str | None:
    """Return the path of a freshly fetched Python `version`; None where uv or the network doesn't yield one."""
    environment = dict(os.environ, UV_PYTHON_INSTALL_DIR=str(VENV / "pythons"))
    try:
        subprocess.run([_uv(), "python", "install", "--quiet", version], check=True, env=environment, stdout=sys.stderr)
    except (OSError, subprocess.SubprocessError):
        return None
    os.environ.update(environment)
    os.environ["PATH"] += os.pathsep + str(Path(_uv()).parent)
    return find_python(version)


def _uv() -> str:
    """Return the path of uv: the machine's, or one of our own from PyPI."""
    own = VENV / "uv" / ("Scripts" if os.name == "nt" else "bin") / "uv"
    if not own.exists() and not shutil.which("uv"):
        venv.create(VENV / "uv", with_pip=True, clear=True)
        pip = [str(own.with_name("python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "uv"], check=True, stdout=sys.stderr)
    return shutil.which("uv") or str(own)


def main(version: str) -> int:
    """Print the path of the fetched Python, or say how else to get one."""
    executable = download_python(version)
    if executable is None:
        print(f"No Python {version} found, and none could be fetched. Get one: {how_to_get(version)}", file=sys.stderr)
        return 1
    print(executable)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
