"""Build the extension into a folder that Blender installs and updates it from: zip, index and a page for browsers.

python tools/make_repository.py build/repository [--blender PATH]

Without a Blender, it takes the extension command out of the `bpy` wheel of this Python.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make(folder: Path, command: list[str]) -> None:
    """Make the folder anew: what it held of earlier versions would be offered beside this one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for step in (
        ("build", "--source-dir", str(ROOT), "--output-dir", str(folder)),
        ("server-generate", "--repo-dir", str(folder), "--html"),
    ):
        subprocess.run([*command, *step], check=True)


def main() -> None:
    """Read the command line, and make the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--blender", metavar="PATH")
    arguments = parser.parse_args()
    wheel = [sys.executable, str(ROOT / "tools" / "extension.py")]
    command = [arguments.blender, "--command", "extension"] if arguments.blender else wheel
    make(arguments.folder, command)
    print(f"Put {arguments.folder} on a share or a web server; Blender reads its index.json.")


if __name__ == "__main__":
    main()
