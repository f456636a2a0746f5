"""As many results come home at once as take not too long."""

from __future__ import annotations

from background_nodes.node_tree.portion_size import PortionSize


def sizes(loading: float, each: float, fixed: float = 0.0, count: int = 8) -> list[int]:
    """The sizes of portions that take so many milliseconds: to load, for each result, and besides."""
    size, found = PortionSize(8), []
    for _ in range(count):
        found.append(size.now)
        size.note(size.now, size.now * loading / 1e3, (size.now * each + fixed) / 1e3)
    return found


def test_results_that_take_long_come_a_few_at_a_time():
    assert sizes(loading=2.0, each=2.0) == [8, 4, 2, 2, 2, 2, 2, 2]


def test_quick_results_come_many_at_a_time():
    assert sizes(loading=2.0, each=0.5) == [8] * 8


def test_portions_do_not_get_smaller_where_all_results_would_take_longer():
    assert sizes(loading=1.0, each=0.5, fixed=20.0) == [8, 4, 8, 8, 8, 8, 8, 8]


def test_portions_get_larger_again_after_one_that_took_long():
    size = PortionSize(8)
    size.note(8, 0.01, 0.1)
    assert size.now == 4
    size.note(4, 0.005, 0.001)
    assert size.now == 8
