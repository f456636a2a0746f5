"""The floor: the same data through Blenders that know nothing of Background Nodes, warm ones or a new one each time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import bpy
import stage

_BARE = Path(__file__).with_name("bare.py")


class Floor:
    """So many warm Blenders, each of which carries out one script, as `bare.py` does.

    Attributes:
        script_seconds: what each call of the script took.
    """

    def __init__(self, script: str, count: int = 1) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._script = Path(self._folder.name, "script.py")
        self._script.write_text(script, encoding="utf-8")
        self.script_seconds: list[float] = []
        self._number = 0
        self._processes = [self._start() for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _where: TracebackType | None) -> None:
        for process in self._processes:
            _end(process)
        self._folder.cleanup()

    def carry(self, parcels: Sequence[list[bpy.types.Object]], hops: int = 1) -> None:
        """Send objects there and append what comes back, a parcel after the other, one to each Blender at a time.

        With several hops, each parcel is passed on from task to task before it comes back.
        """
        under_way: list[Path | None] = [None] * len(self._processes)
        for number, parcel in enumerate(parcels):
            place = number % len(self._processes)
            self._bring_home(place, under_way)
            source = self._new_path()
            stage.write(source, *parcel)
            under_way[place] = source
            for hop in range(hops):
                if hop:
                    self._await_answer(self._processes[place])
                target = self._new_path()
                _ask(self._processes[place], under_way[place], target)
                under_way[place] = target
        for place in range(len(self._processes)):
            self._bring_home(place, under_way)

    def carry_anew(self, parcel: list[bpy.types.Object]) -> None:
        """Send objects to a new Blender and append what comes back."""
        process = self._start()
        source, target = self._new_path(), self._new_path()
        stage.write(source, *parcel)
        _ask(process, source, target)
        self._await_answer(process)
        stage.append_objects(target)
        _end(process)

    def _start(self) -> subprocess.Popen[str]:
        options = ["--background", "--factory-startup", "-noaudio", "--python"]
        program = [bpy.app.binary_path, *options] if bpy.app.binary_path else [sys.executable]
        command = [*program, str(_BARE), "--", str(self._script)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, text=True, encoding="utf-8", **pipes)

    def _new_path(self) -> Path:
        self._number += 1
        return Path(self._folder.name, f"{self._number}.blend")

    def _bring_home(self, place: int, under_way: list[Path | None]) -> None:
        if (path := under_way[place]) is not None:
            self._await_answer(self._processes[place])
            stage.append_objects(path)
            path.unlink()

    def _await_answer(self, process: subprocess.Popen[str]) -> None:
        answer = next((line for line in iter(process.stdout.readline, "") if line.startswith("done ")), None)
        if answer is None:
            raise RuntimeError("a bare Blender has ended")
        self.script_seconds.append(float(answer.split()[1]))


def _ask(process: subprocess.Popen[str], source: Path, target: Path) -> None:
    process.stdin.write(f"{source}\t{target}\n")
    process.stdin.flush()


def _end(process: subprocess.Popen[str]) -> None:
    process.stdin.close()
    process.stdout.close()
    process.wait()
