"""An artist who does something at random, thousands of times, while runs go on.

BACKGROUND_NODES_FUZZ_SEED=7 BACKGROUND_NODES_FUZZ_ACTIONS=10000 pytest tests/gui/test_fuzz.py
"""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from screen import Screen
from window import Window

SEED = int(os.environ.get("BACKGROUND_NODES_FUZZ_SEED", "3"))
NUM_ACTIONS = int(os.environ.get("BACKGROUND_NODES_FUZZ_ACTIONS", "1000"))
NUM_TOLD = 30

#: Keys of an artist, each with the modifiers held; what they open is closed again.
KEYS = (
    ("Z", {"ctrl": True}),
    ("Z", {"ctrl": True}),
    ("Z", {"ctrl": True, "shift": True}),
    ("RET", {"ctrl": True}),
    ("M", {}),
    ("H", {}),
    ("X", {}),
    ("A", {}),
    ("C", {"ctrl": True}),
    ("V", {"ctrl": True}),
    ("D", {"shift": True}),
    ("A", {"shift": True}),
    ("J", {"ctrl": True}),
    ("HOME", {}),
    ("N", {}),
    ("G", {}),
    ("G", {"ctrl": True}),
    ("TAB", {}),
)
KEY_SHARE = 0.15


@pytest.fixture(scope="module")
def screen():
    """A small one: Blender draws it without a graphics card."""
    screen = Screen(800, 600)
    yield screen
    screen.close()


def test_random_actions_leave_blender_alive(window):
    window.run(
        "global artist, module; import artist as module; artist = module.Artist(folder, extension)",
        folder=str(window.folder),
    )
    told: deque[str] = deque(maxlen=NUM_TOLD)
    try:
        for number, action in enumerate(actions(window)):
            told.append(f"{number}: {action.name}")
            told[-1] += f" {action.do(window)}"
            if number % 50 == 0:
                assert window.complaints() == []
                assert window.run("return artist.double_ids()") == []
        window.run("artist.end_runs()")
        window.wait_for("return artist.is_idle()")
        assert window.complaints() == []
        known = {window.process.pid, *window.run("return artist.worker_process_ids()")}
        assert set(window.processes()) <= known
    except BaseException:
        print(f"seed {SEED}, the last of {NUM_ACTIONS} actions:", *told, sep="\n")
        raise


def actions(window: Window) -> Iterator[Action]:
    artist = random.Random(SEED)
    weights = window.run("return {name: weight for name, (weight, _) in module.ACTIONS.items()}")
    for _ in range(NUM_ACTIONS):
        seed = artist.randrange(1 << 30)
        if artist.random() < KEY_SHARE:
            yield Action(seed, *artist.choice(KEYS))
        else:
            yield Action(seed, artist.choices(list(weights), list(weights.values()))[0])


@dataclass
class Action:
    """One of `artist.ACTIONS`, or a key if there are modifiers, though none of them be held."""

    seed: int
    name: str
    modifiers: dict[str, bool] | None = None

    def do(self, window: Window) -> str:
        if self.modifiers is None:
            return window.run("return artist.act(name, seed)", name=self.name, seed=self.seed)
        window.move(*window.run("return artist.somewhere(seed)", seed=self.seed))
        for key, modifiers in ((self.name, self.modifiers), ("ESC", {})):
            window.event(key, "PRESS", **modifiers)
            window.event(key, "RELEASE", **modifiers)
        return " ".join(self.modifiers)
