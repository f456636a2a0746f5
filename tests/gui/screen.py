"""A screen that nobody sees, and programs that run on it: where the tests' Blender comes from."""

from __future__ import annotations

import os
import random
import select
import subprocess
from pathlib import Path

from picture import Picture

ROOT = Path(__file__).resolve().parents[2]
#: A Blender of one's own; without it, and where it has been made, the one of `tools/make_debian_blender`.
BLENDER = os.environ.get("BLENDER", "")
_IN_DEBIAN = str(ROOT / "tools" / "in_debian")
#: Where shaders are kept that were compiled: without it each new Blender compiles them all.
_SHADERS = ROOT / "build" / "shaders"


def command(program: str, *arguments: str) -> list[str]:
    """How to start a program that belongs to Blender's window: `Xvfb`, `import`, `blender` itself."""
    if BLENDER:
        return [BLENDER if program == "blender" else program, *arguments]
    return [_IN_DEBIAN, program, *arguments]


class Screen:
    """An X server without a monitor."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        # Left to choose, a server takes the number of another one, and with it that one's socket.
        display, size = f":{random.randrange(100, 50_000)}", f"{width}x{height}x24"
        reading, writing = os.pipe()
        self._server = subprocess.Popen(
            command("Xvfb", display, "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp"),
            pass_fds=(writing,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as line:
            ready, _, _ = select.select([line], [], [], 30.0)
            # The number, and then the end of the line: a server that can't write that gives up.
            has_started = bool(ready) and line.readline().endswith("\n")
        if not has_started:
            self.close()
            raise RuntimeError("Xvfb did not start")
        _SHADERS.mkdir(parents=True, exist_ok=True)
        shaders = {"LIBGL_ALWAYS_SOFTWARE": "1", "MESA_SHADER_CACHE_DIR": str(_SHADERS)}
        self.environment = {"DISPLAY": display, **shaders}

    def save(self, path: Path) -> None:
        """Write what is on the screen as a picture, of the type that the path's ending says."""
        self._import(str(path))

    def picture(self) -> Picture:
        """What is on the screen now."""
        return Picture(self._import("ppm:-"))

    def _import(self, target: str) -> bytes:
        return subprocess.run(
            command("import", "-window", "root", "-depth", "8", target),
            env=os.environ | self.environment,
            check=True,
            timeout=60,
            stdout=subprocess.PIPE,
        ).stdout

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(10.0)
