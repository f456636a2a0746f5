"""Runs make room while the artist needs the computer, and go on afterwards."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from background_nodes.addon.session import artist_first, occupation
from background_nodes.addon.session.artist_first import ArtistFirst

from .graphs import advance, new_tree, quad, script

WAIT = """
    import os

    def main(flag: str) -> None:
        progress(0.5)
        while not os.path.exists(flag):
            pass
    """


@pytest.fixture
def going(session, tmp_path):
    """A run that waits for a file."""
    tree = new_tree()
    script(tree, "Wait", WAIT, flag=str(tmp_path / "flag"))
    run = session.start(tree)
    advance(run, lambda: run.tasks["Wait"].progress == 0.5)
    yield run
    Path(tmp_path / "flag").touch()
    run.cancel()


@pytest.fixture
def artist(monkeypatch):
    """Sets what the artist does: `artist["does"] = "Paused while you sculpt"`. There is no delay when it ends."""
    now = {"does": ""}
    monkeypatch.setattr(artist_first, "_CALM_SECONDS", -1.0)
    return now


def test_nothing_happens_while_the_artist_does_nothing(going, artist):
    assert not ArtistFirst(lambda: artist["does"]).update([going], "PAUSE")
    assert not going.is_paused


def test_priority_is_lower_while_the_artist_works(going, artist):
    first = ArtistFirst(lambda: artist["does"])
    artist["does"] = "Paused while you sculpt"
    assert first.update([going], "LOWER")
    assert not going.is_paused
    assert not first.update([going], "OFF")
    artist["does"] = ""
    assert not first.update([going], "LOWER")


def test_runs_pause_while_the_artist_works_and_go_on(going, artist):
    first = ArtistFirst(lambda: artist["does"])
    artist["does"] = "Paused while you sculpt"
    assert first.update([going], "PAUSE"), "jobs are no runs: they go on at lower priority"
    assert going.is_paused
    assert going.pause_reason == "Paused while you sculpt"
    first.update([going], "PAUSE")
    artist["does"] = ""
    first.update([going], "PAUSE")
    assert not going.is_paused
    assert going.pause_reason == ""


def test_another_choice_lets_a_paused_run_go_on(going, artist):
    first = ArtistFirst(lambda: artist["does"])
    artist["does"] = "Paused while you sculpt"
    first.update([going], "PAUSE")
    first.update([going], "LOWER")
    assert not going.is_paused


def test_run_that_the_artist_resumes_goes_on(going, artist):
    first = ArtistFirst(lambda: artist["does"])
    artist["does"] = "Paused while you sculpt"
    first.update([going], "PAUSE")
    going.resume()
    first.update([going], "PAUSE")
    assert not going.is_paused


def test_run_that_the_artist_paused_stays_paused(going, artist):
    first = ArtistFirst(lambda: artist["does"])
    artist["does"] = "Paused while you sculpt"
    first.update([going], "PAUSE")
    going.pause()
    artist["does"] = ""
    first.update([going], "PAUSE")
    assert going.is_paused


def test_a_moment_of_rest_changes_nothing(going, artist, monkeypatch):
    monkeypatch.setattr(artist_first, "_CALM_SECONDS", 1000.0)
    first = ArtistFirst(lambda: artist["does"])
    artist["does"] = "Paused while the animation plays"
    first.update([going], "PAUSE")
    artist["does"] = ""
    first.update([going], "PAUSE")
    assert going.is_paused


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("OBJECT", ""), ("EDIT", ""), ("SCULPT", "Paused while you sculpt"), ("WEIGHT_PAINT", "Paused while you paint")],
)
def test_modes_in_which_the_artist_needs_the_processor(mode, reason):
    bpy.context.view_layer.objects.active = quad()
    bpy.ops.object.mode_set(mode=mode)
    assert occupation.occupation() == reason
    bpy.ops.object.mode_set(mode="OBJECT")
