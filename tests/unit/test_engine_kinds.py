"""Engines are added, found by what an artist chooses, and removed; those of Python packages, too."""

import importlib
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from background_nodes import engines
from background_nodes.runtime.engine import kinds
from background_nodes.runtime.engine.kinds import EngineKinds
from background_nodes.runtime.errors import EngineError

from .fake_engine import FakeEngine

pytestmark = pytest.mark.any_python


@pytest.fixture
def known(monkeypatch):
    """No engine is known at first."""
    known = EngineKinds()
    monkeypatch.setattr(engines, "engine_kinds", known)
    monkeypatch.setattr(kinds, "engine_kinds", known)
    return known


def make(address, _scratch):
    engine = FakeEngine()
    engine.address = address
    return engine


@pytest.mark.parametrize(
    ("chosen", "address"),
    [("my_farm", ""), ("my_farm://", ""), ("my_farm://host:8786", "host:8786"), ("my_farm://a://b", "a://b")],
)
def test_engine_is_found_by_its_name_and_told_its_address(known, chosen, address):
    engines.add("my_farm", make)
    kind, told = known.find(chosen)
    assert kind.make(told, None).address == address


def test_engine_has_a_label_and_a_description_for_menus(known):
    engines.add("my_farm", make)
    engines.add("other", make, label="The Other", description="Somewhere else")
    assert [(kind.name, kind.label, kind.description) for kind in known] == [
        ("my_farm", "My Farm", ""),
        ("other", "The Other", "Somewhere else"),
    ]


def test_engine_that_is_not_there_names_those_that_are(known):
    engines.add("my_farm", make)
    engines.add("pool", make)
    with pytest.raises(EngineError, match=r'there is no engine "dask"\. Choose my_farm or pool; others come with'):
        known.find("dask://host")


def test_removed_engine_is_not_found(known):
    engines.add("my_farm", make)
    engines.remove("my_farm")
    with pytest.raises(EngineError):
        known.find("my_farm")
    with pytest.raises(KeyError):
        engines.remove("my_farm")


@pytest.mark.parametrize("name", ["", "My Farm", "1st", "a://b", "größer"])
def test_name_that_can_not_be_chosen_is_refused(known, name):
    with pytest.raises(ValueError, match="can't be the name of an engine"):
        engines.add(name, make)


def test_second_engine_of_a_name_is_refused(known):
    engines.add("my_farm", make)
    with pytest.raises(ValueError, match="there is an engine 'my_farm' already"):
        engines.add("my_farm", make)


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Installs a package that adds an engine as a text of Python does."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(name: str, source: str) -> None:
        (tmp_path / f"of_{name}.py").write_text(source)
        points = EntryPoints([EntryPoint(name, f"of_{name}:add", kinds.ENTRY_POINTS)])
        monkeypatch.setattr(importlib.metadata, "entry_points", points.select)

    return installed


def test_engine_of_a_package_is_added_once(known, installed):
    installed("studio", "from background_nodes import engines\ndef add(): engines.add('studio', lambda *_: None)")
    known.add_installed()
    known.add_installed()
    assert [kind.name for kind in known] == ["studio"]


def test_engine_of_a_package_that_raises_is_told_with_the_package(known, installed):
    installed("broken", "import no_such_module")
    with pytest.raises(EngineError, match=r'the engine "broken" of of_broken:add can\'t be used \(ModuleNotFoundError'):
        known.add_installed()
