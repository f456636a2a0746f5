"""Which dicts were changed is known by their versions, whoever changed them and how."""

import collections
import random
import sys
import types

import pytest

from background_nodes.runtime.worker.cleaning.dict_versions import DictVersions

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python counts no versions any more")

CHANGES = {
    "a new key": lambda held: held.__setitem__("new", 1),
    "another value": lambda held: held.__setitem__("name", 2),
    "no key": lambda held: held.__delitem__("name"),
    "update": lambda held: held.update(name=3),
    "merged": lambda held: held.__ior__({"name": 4}),
    "a default": lambda held: held.setdefault("new", 5),
    "pop": lambda held: held.pop("name"),
    "popitem": lambda held: held.popitem(),
    "clear": lambda held: held.clear(),
    "init": lambda held: held.__init__(name=6),
    "globals of code": lambda held: exec("name = 7", held),
    "a global of a function": lambda held: exec("def change():\n global name; name = 8\nchange()", held),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("kind", [dict, collections.OrderedDict, lambda **items: collections.defaultdict(int, items)])
def test_dict_that_is_changed_is_told(kind, change):
    versions, held = DictVersions(), kind(name=1)
    assert versions.add(held)
    assert versions.changed() == []
    change(held)
    assert versions.changed() == [0]


def test_what_is_read_is_not_told():
    versions, held = DictVersions(), {"name": object()}
    versions.add(held)
    _read = held["name"], held.get("other"), list(held), list(held.values()), dict(held), held == dict(held), repr(held)
    assert versions.changed() == []


@pytest.mark.parametrize("owner", [type("Owner", (), {}), types.ModuleType("owner"), lambda: None])
def test_attribute_that_is_set_or_deleted_often_is_told_each_time(owner):
    versions = DictVersions()
    owner.name = 0
    assert versions.add(vars(owner))
    for value in range(1, 200):
        owner.name = value
        assert versions.changed() == [0]
        versions.note([0])
        assert versions.changed() == []
    del owner.name
    assert versions.changed() == [0]


def test_dict_of_an_object_is_told_or_not_counted():
    class Holder:
        def __init__(self):
            self.name = 0

    versions, holder = DictVersions(), Holder()
    is_counted = versions.add(vars(holder))
    for value in range(1, 200):
        holder.name = value
        assert versions.changed() == ([0] if is_counted else [])
        versions.note(versions.changed())
    holder.__dict__ = {"name": 0}
    other = DictVersions()
    assert other.add(vars(holder))
    holder.name = 1
    assert other.changed() == [0]


@pytest.mark.parametrize("held", [[1], {1}, (1,), "text", None, types.MappingProxyType(collections.UserDict())])
def test_what_is_no_dict_is_not_counted(held):
    assert not DictVersions().add(held)


def test_of_many_dicts_just_those_that_were_changed_are_told():
    choose, versions = random.Random(3), DictVersions()
    held = [{"name": number} for number in range(1000)]
    assert all(list(map(versions.add, held)))
    for count in (0, 1, 7, 500, 1000):
        numbers = sorted(choose.sample(range(1000), count))
        for number in numbers:
            held[number]["name"] = object()
        assert versions.changed() == numbers
        assert versions.changed() == numbers, "as long as it was not noted"
        versions.note(numbers)
        assert versions.changed() == []
        held.append({})
        versions.add(held[-1])


def test_dict_that_was_changed_before_is_told_until_it_is_noted():
    versions, held = DictVersions(), {"name": 1}
    versions.add(held, is_changed=True)
    assert versions.changed() == [0]
    versions.note([0])
    assert versions.changed() == []
