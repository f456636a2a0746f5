"""Build both extensions into a folder that Blender installs and updates them from: zips, index and a page for browsers.

python tools/make_repository.py build/repository [--blender PATH]

Without a Blender, it takes the extension command out of the `bpy` wheel of this Python.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make(folder: Path, command: list[str]) -> None:
    """Fill the folder. Earlier versions in it go: they would be offered beside this one."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in folder.glob("background_nodes*.zip"):
        package.unlink()
    for step in (
        ("build", "--source-dir", str(ROOT), "--output-dir", str(folder)),
        ("build", "--source-dir", str(ROOT / "farm"), "--output-dir", str(folder)),
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
