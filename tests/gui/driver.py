"""Runs inside the Blender of a GUI test and does what the test asks: runs Python, simulates events.

blender ... --python driver.py -- SOCKET EXTENSION

Requests and answers are JSON, one a line, over a Unix socket of that name, which is in no folder. A timer takes one
request a call, so that Blender handles events and draws between two of them, as between two actions of an artist.
"""

import ast
import json
import socket
import sys
import textwrap
import time
import traceback
from pathlib import Path

import bpy


class Driver:
    """The end of the test's socket that is in Blender.

    Attributes:
        names: what code that is run knows.
        interval: seconds between two looks for a request. Nothing else happens in Blender's main thread meanwhile.
    """

    def __init__(self, address: str) -> None:
        self.interval = 0.01
        self.names: dict[str, object] = {"bpy": bpy, "__name__": "driver", "driver": self}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect("\0" + address)
        self._socket.setblocking(False)
        self._received = b""
        self._next_look = 0.0

    def tick(self) -> float:
        """Take one request, if there is one, when its time has come."""
        if not bpy.app.use_event_simulate:
            self._look()
            return self.interval
        # Simulating events keeps Blender from sleeping: all the time it would take from its workers a processor.
        time.sleep(max(0.0, self._next_look - time.monotonic()))
        self._next_look = time.monotonic() + self.interval
        self._look()
        return 0.0

    def _look(self) -> None:
        try:
            data = self._socket.recv(1 << 20)
            if not data:
                bpy.ops.wm.quit_blender()
                return
            self._received += data
        except BlockingIOError:
            pass
        line, separator, rest = self._received.partition(b"\n")
        if separator:
            self._received = rest
            self._answer(self._obey(json.loads(line)))

    def _answer(self, answer: dict) -> None:
        self._socket.setblocking(True)
        self._socket.sendall(json.dumps(answer).encode() + b"\n")
        self._socket.setblocking(False)

    def _obey(self, request: dict) -> dict:
        try:
            if "code" in request:
                return {"value": self._run(request["code"], request["arguments"])}
            bpy.context.window_manager.windows[0].event_simulate(**request["event"])
            return {"value": None}
        except BaseException:  # noqa: BLE001 (the test is told of everything)
            return {"error": traceback.format_exc()}

    def _run(self, code: str, arguments: dict) -> object:
        """What a function with the body `code` returns. The texts in it stay as they are."""
        module = ast.parse(f"def _request({', '.join(arguments)}): pass")
        module.body[0].body = ast.parse(textwrap.dedent(code)).body or module.body[0].body
        exec(compile(module, "<request>", "exec"), self.names)
        return self.names["_request"](**arguments)


def main(address: str, extension: str) -> None:
    import addon_utils

    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.show_developer_ui = True
    bpy.context.preferences.view.smooth_view = 0
    bpy.context.preferences.system.viewport_aa = "OFF"  # or each change is drawn eight times
    addon_utils.enable(extension, default_set=True)
    driver = Driver(address)
    sys.path.append(str(Path(__file__).parent))
    import places

    driver.names |= {"extension": extension, "places": places}
    bpy.app.timers.register(driver.tick, first_interval=1.0, persistent=True)


main(*sys.argv[sys.argv.index("--") + 1 :])
