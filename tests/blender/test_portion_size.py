"""As many results come home at once as take not too long."""

from __future__ import annotations

from background_nodes.node_tree.portion_size import PortionSize


def sizes(loading: float, each: float, fixed: float = 0.0, count: int = 8) -> list[int]:
    """The sizes of portions that take so many milliseconds: to load, for each result, and besides."""
    size, found = PortionSize(8), []
    for _ in range(count):
        found.append(size.now)
        carry(size, loading=size.now * loading, steps=[size.now * each + fixed])
    return found


def carry(size: PortionSize, loading: float, steps: list[float]) -> None:
    """A portion takes so many milliseconds: to load, and for each of its steps."""
    size.begin(size.now)
    size.note(loading / 1e3, 0.0)
    for step in steps:
        size.note(0.0, step / 1e3)
    size.end()


def test_results_that_take_long_come_a_few_at_a_time():
    assert sizes(loading=2.0, each=2.0) == [8, 4, 2, 2, 2, 2, 2, 2]


def test_quick_results_come_many_at_a_time():
    assert sizes(loading=2.0, each=0.5) == [8] * 8


def test_portions_do_not_get_smaller_where_all_results_would_take_longer():
    assert sizes(loading=1.0, each=0.5, fixed=20.0) == [8, 4, 8, 8, 8, 8, 8, 8]


def test_portions_get_larger_again_after_one_that_took_long():
    size = PortionSize(8)
    carry(size, loading=10.0, steps=[100.0])
    assert size.now == 4
    carry(size, loading=5.0, steps=[1.0])
    assert size.now == 8


def test_many_short_steps_are_no_reason_for_smaller_portions():
    size = PortionSize(8)
    carry(size, loading=10.0, steps=[3.0] * 6)
    assert size.now == 8
    carry(size, loading=10.0, steps=[3.0] * 5 + [9.0])
    assert size.now == 4


def after_settling(settling: float, each: float, count: int = 6) -> list[int]:
    """The sizes of portions after each of which the window takes so many milliseconds to be up to date."""
    size, found = PortionSize(8), []
    for _ in range(count):
        found.append(size.now)
        size.begin(size.now)
        size.note(0.0, size.now * each / 1e3)
        size.note_settling(settling / 1e3)
        size.end()
    return found


def test_portions_take_about_as_long_as_the_window_takes_after_each():
    assert after_settling(settling=200.0, each=2.0) == [8, 16, 32, 64, 64, 64]
    assert after_settling(settling=10.0, each=8.0) == [8, 4, 2, 2, 2, 2]
    assert max(after_settling(settling=900.0, each=1.0)) == 96


def test_window_that_is_up_to_date_at_once_makes_no_portion_larger():
    assert after_settling(settling=0.5, each=0.1) == [8] * 6
