"""A screen that nobody sees, and programs that run on it: where the tests' Blender comes from."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: A Blender of one's own; without it, and where it has been made, the one of `tools/make_debian_blender`.
BLENDER = os.environ.get("BLENDER", "")
_IN_DEBIAN = str(ROOT / "tools" / "in_debian")


def command(program: str, *arguments: str) -> list[str]:
    """How to start a program that belongs to Blender's window: `Xvfb`, `import`, `blender` itself."""
    if BLENDER:
        return [BLENDER if program == "blender" else program, *arguments]
    return [_IN_DEBIAN, program, *arguments]


class Screen:
    """An X server without a monitor."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        reading, writing = os.pipe()
        self._server = subprocess.Popen(
            command("Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"),
            pass_fds=(writing,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        try:
            ready, _, _ = select.select([reading], [], [], 30.0)
            number = os.read(reading, 16).decode().strip() if ready else ""
        finally:
            os.close(reading)
        if not number:
            self.close()
            raise RuntimeError("Xvfb did not start")
        self.environment = {"DISPLAY": f":{number}", "LIBGL_ALWAYS_SOFTWARE": "1"}

    def save(self, path: Path) -> None:
        """Write what is on the screen as a picture, of the type that the path's ending says."""
        subprocess.run(
            command("import", "-window", "root", str(path)), env=os.environ | self.environment, check=True, timeout=60
        )

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(10.0)
