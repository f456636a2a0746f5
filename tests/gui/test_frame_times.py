"""That `make frames` measures, and how a redraw of our nodes compares with one of Blender's own."""

import sys

from screen import ROOT

sys.path.append(str(ROOT / "benchmarks"))
import frame_times


def test_what_a_run_costs_the_window_is_measured(window):
    states = frame_times.measure_run(window, 4, frame_times.QUICK)

    assert all(states["without a run"]["redraw"])
    assert all(states["with a run"][kind] for kind in ("tick", "redraw"))
    assert list(frame_times.table(4, states, frame_times.QUICK))


def test_nothing_is_drawn_for_jobs_that_give_values_back(window):
    states = frame_times.measure_jobs(window, frame_times.QUICK)

    assert states["with jobs"].num_drawn <= states["without jobs"].num_drawn
    ticks, calls = (len(states["with jobs"].spans[kind]) for kind in ("tick", "timer"))
    assert 0 < ticks < 2 * calls, "the session has one timer, however many jobs were started"
    assert list(frame_times.jobs_table(states, frame_times.QUICK))


def test_redraw_of_nodes_that_were_run_is_compared_with_geometry_nodes(window):
    drawn = frame_times.measure_redraw(window, frame_times.QUICK)

    assert all(milliseconds > 0.0 for series in drawn.values() for milliseconds in series)
    assert "of Geometry Nodes" in frame_times.comparison(drawn, frame_times.QUICK)


def test_runs_of_one_node_in_a_window_are_timed(window):
    runs = frame_times.measure_runs(window, frame_times.QUICK)

    assert [len(seconds) for seconds in runs.values()] == [frame_times.QUICK.num_runs] * 2
    assert min(runs["task of 100 ms"]) >= 0.1
    assert list(frame_times.runs_table(runs))
