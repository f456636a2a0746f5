"""Every test hears of the progress that scripts report."""

import contextlib

import pytest


@pytest.fixture(autouse=True)
def reports():
    from background_nodes.script import telling

    from .scenes import Reports

    reports = Reports()
    telling.set_reporter(reports)
    yield reports
    telling.set_reporter(None)


@pytest.fixture
def item_of(tmp_path_factory):
    """Let the test be one item of a node that runs over a list. It says what each item is given."""
    from background_nodes.runtime.engine.own_files import Owner, TaskContext, using

    place = tmp_path_factory.mktemp("store") / "000001.blend"
    with contextlib.ExitStack() as stack:

        def become(values, item: int, *, parameter: str, **given) -> None:
            stack.close()
            context = TaskContext(Owner("task", item, "Node"), place, lambda: {parameter: values}, given, position=item)
            stack.enter_context(using(context))

        yield become
