"""Gives tests a window with a fresh file. A test that fails leaves a screenshot and Blender's log in `build/gui/`."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from editor import Editor
from screen import ROOT, Screen
from window import Window, wait_until

KEPT = ROOT / "build" / "gui"

# Blender's own thread draws: other sessions use the processors meanwhile, and threads of Mesa's take more of them.
os.environ["LP_NUM_THREADS"] = "0"


class Stage:
    """The window of a test file: started when a test needs one, and anew where the test before has ended it."""

    def __init__(self, screen: Screen, factory: pytest.TempPathFactory) -> None:
        self._screen = screen
        self._factory = factory
        self._window: Window | None = None

    def window(self) -> Window:
        """A window with a fresh file."""
        if self._window is not None and not self._window.has_ended:
            self._window.open_new_file()
            return self._window
        self.close()
        self._window = Window(self._screen, self._factory.mktemp("blender"))
        return self._window

    def close(self) -> None:
        """Quit Blender, which must leave nothing behind."""
        if self._window is None:
            return
        window, self._window = self._window, None
        window.close()
        wait_until(lambda: not window.processes(), 10.0, f"the end of the processes {window.processes()}")
        assert window.process.returncode == 0, window.log.read_text(errors="replace")[-3000:]
        assert window.complaints() == []


@pytest.fixture(scope="session")
def screen() -> Iterator[Screen]:
    screen = Screen(1440, 900)
    yield screen
    screen.close()


@pytest.fixture(scope="module")
def stage(screen, tmp_path_factory) -> Iterator[Stage]:
    stage = Stage(screen, tmp_path_factory)
    yield stage
    stage.close()


@pytest.fixture
def window(stage) -> Iterator[Window]:
    """A window with a fresh file, the same Blender for all tests of a file."""
    window = stage.window()
    yield window
    assert window.complaints() == []


@pytest.fixture
def editor(window) -> Editor:
    """The Background Nodes editor in the largest area, with an empty tree."""
    editor = Editor(window)
    editor.open("Tree")
    return editor


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    window = (item.funcargs or {}).get("window")
    if report.failed and window is not None:
        keep(window, KEPT / re.sub(r"\W+", "_", item.name), report)
    return report


def keep(window: Window, folder: Path, report: pytest.TestReport) -> None:
    """Keep the screenshot and the log of a failed test."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (window.log, *window.temporary.glob("*.crash.txt")):
        shutil.copy(path, folder)
    (folder / "report.txt").write_text(report.longreprtext, encoding="utf-8")
    if not window.has_ended:
        window.screen.save(folder / "screen.png")
    report.sections.append(("kept", f"screenshot and log are in {folder}"))
