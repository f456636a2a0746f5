"""A real Blender in a real window, at a test's command: mouse, keys, screenshots, and Python inside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from screen import ROOT, Screen, command

#: Where `noxfile.py` has installed the built extension. Without it this folder itself is the extension.
RESOURCES = os.environ.get("BACKGROUND_NODES_GUI_RESOURCES", "")
EXTENSION = "bl_ext.user_default.background_nodes"

_DRIVER = Path(__file__).with_name("driver.py")
_START_TIMEOUT = 120.0
_ANSWER_TIMEOUT = 120.0
#: Signs of a mistake of ours in what Blender prints.
_BAD_SIGNS = (
    "Traceback (most recent call last)",
    "Error: Python",
    "Segmentation fault",
    "Writing to ID classes",
    "matches no enum",
)
#: What Blender itself says of an editor whose type of tree is not registered: the add-on was disabled.
_HARMLESS = "matches no enum in 'SpaceNodeEditor'"


class Window:
    """A Blender with a window on a screen."""

    def __init__(self, screen: Screen, folder: Path, *arguments: str, has_hands: bool = True) -> None:
        """Start Blender with `arguments`, such as a file; `folder` is for its preferences, log and temporary files.

        Without hands it has no mouse and keys, and sleeps where nothing happens, as an artist's does.
        """
        self.screen = screen
        self.folder = folder
        self.log = folder / "blender.log"
        self.temporary = folder / "tmp"
        self.store = folder / "store"
        self.x, self.y = screen.width // 2, screen.height // 2
        self._received = b""
        self._num_lines_checked = 0
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("")  # a name without a file that the system chooses: paths may be too long for one
            listener.listen()
            listener.settimeout(_START_TIMEOUT)
            hands = ("--enable-event-simulate",) if has_hands else ()
            self.process = self._start(listener.getsockname()[1:].decode(), (*hands, *arguments))
            self._socket = self._accept(listener)
        self._socket.settimeout(_ANSWER_TIMEOUT)
        self.settle()

    def _accept(self, listener: socket.socket) -> socket.socket:
        try:
            return listener.accept()[0]
        except TimeoutError:
            self._kill()
            raise BlenderEndedError(f"Blender did not start\n{self._end()}") from None

    def _start(self, address: str, arguments: Iterable[str]) -> subprocess.Popen[bytes]:
        self.temporary.mkdir()
        environment = os.environ | self.screen.environment | {"HOME": str(self.folder), "TMPDIR": str(self.temporary)}
        environment["BACKGROUND_NODES_STORE"] = str(self.store)
        if RESOURCES:
            environment["BLENDER_USER_RESOURCES"] = RESOURCES
        else:
            extensions = self.folder / "extensions"
            (extensions / "user_default").mkdir(parents=True)
            (extensions / "user_default" / "background_nodes").symlink_to(ROOT)
            environment |= {"BLENDER_USER_RESOURCES": str(self.folder), "BLENDER_USER_EXTENSIONS": str(extensions)}
        size = ("--window-geometry", "0", "0", str(self.screen.width), str(self.screen.height))
        options = ("--factory-startup", "--gpu-backend", "opengl", "-noaudio", *size)
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command("blender", *options, *arguments, "--python", str(_DRIVER), "--", address, EXTENSION),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End Blender, if it runs, and its window."""
        self._socket.close()  # the driver takes that for the wish to quit
        try:
            self.process.wait(20.0)
        except subprocess.TimeoutExpired:
            self._kill()

    def _kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10.0)

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def processes(self) -> list[int]:
        """The ids of all processes that come from this window and still run, itself and its workers."""
        mark = f"HOME={self.folder}".encode()
        return [process_id for process_id in _process_ids() if mark in _environment(process_id)]

    def complaints(self) -> list[str]:
        """What Blender's log says of mistakes since the last call, with what stands around that."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[self._num_lines_checked :]
        self._num_lines_checked += len(lines)
        bad = [
            index
            for index, line in enumerate(lines)
            if any(sign in line for sign in _BAD_SIGNS) and _HARMLESS not in line
        ]
        return ["\n".join(lines[max(0, index - 2) : index + 25]) for index in bad]

    def open_new_file(self) -> None:
        """What *File > New* gives, with nothing kept of earlier runs; menus that are open are closed before."""
        for _ in range(2):
            self.press("ESC")
        self.run("bpy.ops.wm.read_homefile(use_factory_startup=True)")
        shutil.rmtree(self.store, ignore_errors=True)
        self.settle()

    # Python

    def run(self, code: str, **arguments: Any) -> Any:
        """Run the body of a function in Blender; return what it returns, which must be JSON.

        `arguments` are its parameters. Names that it makes global are there in later calls.
        """
        return self._ask({"code": code, "arguments": arguments})

    def wait_for(self, code: str, timeout: float = 60.0, **arguments: Any) -> Any:
        """Ask again and again until `code` returns something true; return that."""
        return wait_until(lambda: self.run(code, **arguments), timeout, f"{code.strip()}\n{arguments}")

    def settle(self, rounds: int = 3) -> None:
        """Let Blender handle what it has got, and draw."""
        for _ in range(rounds):
            self.run("")

    # Mouse and keys. Places are in pixels from the lower left corner of the window, as Blender counts.

    def event(self, kind: str, value: str, **options: Any) -> None:
        self._ask({"event": {"type": kind, "value": value, "x": int(self.x), "y": int(self.y), **options}})

    def move(self, x: float, y: float, steps: int = 1) -> None:
        start_x, start_y = self.x, self.y
        for step in range(1, steps + 1):
            self.x = start_x + (x - start_x) * step / steps
            self.y = start_y + (y - start_y) * step / steps
            self.event("MOUSEMOVE", "NOTHING")

    def click(self, x: float | None = None, y: float | None = None, button: str = "LEFTMOUSE", **options: Any) -> None:
        if x is not None and y is not None:
            self.move(x, y)
            self.settle(2)
        self.event(button, "PRESS", **options)
        self.event(button, "RELEASE", **options)
        self.settle(2)

    def double_click(self, x: float, y: float) -> None:
        self.click(x, y)
        self.event("LEFTMOUSE", "DOUBLE_CLICK")
        self.event("LEFTMOUSE", "RELEASE")
        self.settle(2)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 12) -> None:
        self.move(*start)
        self.settle(2)
        self.event("LEFTMOUSE", "PRESS")
        self.move(*end, steps=steps)
        self.settle(2)
        self.event("LEFTMOUSE", "RELEASE")
        self.settle(3)

    def press(self, key: str, **options: Any) -> None:
        """Press and release a key: `press("A", shift=True)`."""
        self.event(key, "PRESS", **options)
        self.event(key, "RELEASE", **options)
        self.settle(2)

    def type_text(self, text: str) -> None:
        for letter in text:
            self.event(_KEYS.get(letter, letter.upper()), "PRESS", unicode=letter)
            self.event(_KEYS.get(letter, letter.upper()), "RELEASE")
        self.settle(3)

    # Messages

    def _ask(self, request: dict[str, Any]) -> Any:
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            while b"\n" not in self._received:
                self._received += self._socket.recv(1 << 20) or b"\n"  # an empty line at the end
        except ConnectionError:
            raise BlenderEndedError(self._end()) from None
        line, _, self._received = self._received.partition(b"\n")
        if not line:
            raise BlenderEndedError(self._end())
        answer = json.loads(line)
        if "error" in answer:
            raise InBlenderError(answer["error"])
        return answer["value"]

    def _end(self) -> str:
        self.process.wait(30.0)
        return f"exit code {self.process.returncode}\n" + self.log.read_text(errors="replace")[-3000:]


class InBlenderError(AssertionError):
    """What code raised in Blender; its traceback."""


class BlenderEndedError(AssertionError):
    """Blender is gone."""


_MARKS = {" ": "SPACE", "\n": "RET", ".": "PERIOD", "/": "SLASH", "-": "MINUS", "_": "MINUS", ",": "COMMA"}
_SHIFTED = {":": "SEMI_COLON", "=": "EQUAL", "(": "NINE", ")": "ZERO", "{": "LEFT_BRACKET", "}": "RIGHT_BRACKET"}
_KEYS = (
    _MARKS
    | _SHIFTED
    | {
        str(number): name
        for number, name in enumerate(
            ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"),
        )
    }
)


def _process_ids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(process_id: int) -> list[bytes]:
    """The variables of a process, none if it is gone or a zombie."""
    try:
        return Path(f"/proc/{process_id}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def wait_until(condition: Callable[[], Any], timeout: float, what: str) -> Any:
    """What `condition` returns once it is true."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {timeout:g} s: {what}")
