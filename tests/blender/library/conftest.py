"""Every test hears of the progress that scripts report."""

import pytest


@pytest.fixture(autouse=True)
def reports():
    import background_nodes.script

    from .scenes import Reports

    reports = Reports()
    background_nodes.script.set_reporter(reports)
    yield reports
    background_nodes.script.set_reporter(None)


@pytest.fixture
def item_of(tmp_path_factory):
    """Become one item of a node that runs over a list; each item's values, and what this one is given, are known."""
    from background_nodes.runtime import own_files

    claims = tmp_path_factory.mktemp("store") / "000001.claims"

    def become(values, item: int, *, parameter: str, **given) -> None:
        owner = own_files.Owner("task", item, "Node")
        own_files.set_desk(own_files.Desk(owner, claims, {parameter: values}, given))

    yield become
    own_files.set_desk(None)
