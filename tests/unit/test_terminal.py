# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line shows in a terminal of 80 columns."""

from __future__ import annotations

import io

import pytest

from .test_session import end, tick
from .test_session import host as host
from .test_session import session as session

LONG = "rock_generator/levels_of_detail/clean_up/decimate_and_unwrap"


def test_names_of_nodes_in_groups_and_texts_are_whole_in_80_columns(session, host):
    console = pytest.importorskip("rich.console")
    from background_nodes.addon.command_line.terminal import Bars
    from background_nodes.runtime.engine import messages

    run = session.start(host.add(f"{LONG}: ; b: {LONG}"))
    tick(session)
    host.engine.start(LONG)
    text = "Collapsing the edges of the third object"
    host.engine.report(LONG, messages.Progressed(0.25, text))
    tick(session)
    shown = io.StringIO()
    bars = Bars(console.Console(file=shown, width=80, force_terminal=False))
    bars.update(run)
    bars._console.print(bars._progress.get_renderable())
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for word in (*run.at(LONG).name.split(" / "), *text.split(), "25%"):
        assert word in shown.getvalue()
    assert "…" not in shown.getvalue()
    end(session, host)
