"""What may be the text of a tree, and what is refused before any Blender sees it."""

from __future__ import annotations

import copy
import json

import pytest

from background_nodes.runtime.errors import BuildError
from background_nodes.runtime.text_form.digest import digest, digests_of_groups
from background_nodes.runtime.text_form.form import to_text
from background_nodes.runtime.text_form.reading import from_text
from background_nodes.runtime.text_form.tree_checks import MAX_SOCKET_NUMBER

TREE = {
    "background_nodes": 1,
    "tree": {
        "name": "LODs",
        "settings": {"auto_run": "SAVE"},
        "nodes": {
            "Rocks": {"type": "BackgroundNodeGroup", "location": [0.0, 10.5], "group": "Rock"},
            "Frame": {"type": "NodeFrame", "size": [200.0, 100.0], "looks": {"label": "B"}},
            "In": {
                "type": "BackgroundNodeInput",
                "frame": "Frame",
                "outputs": [{"identifier": "value", "type": "Any", "value": {"json": {"z": 1, "a": [2, {"json": 3}]}}}],
            },
        },
        "links": [{"from": ["In", "value"], "to": ["Rocks", "Socket_0"], "muted": True}],
    },
    "groups": {
        "Rock": {
            "interface": [
                {
                    "panel": "P",
                    "items": [{"identifier": "Socket_0", "name": "A", "in_out": "INPUT", "type": "Any"}],
                }
            ],
            "nodes": {"S": {"type": "BackgroundNodeScript", "settings": {"script": {"text": "s.py"}}}},
            "links": [],
        }
    },
    "texts": {"s.py": "def main() -> int:\n    return 1\n"},
}


def test_text_is_read_as_what_was_written():
    text = to_text(TREE)
    assert from_text(text) == TREE
    assert to_text(from_text(text)) == text
    assert from_text(f"\ufeff{text}") == TREE


def test_text_does_not_depend_on_the_order_of_what_has_none():
    turned = json.loads(json.dumps(TREE))
    turned["tree"]["nodes"] = dict(reversed(turned["tree"]["nodes"].items()))
    assert to_text(dict(reversed(turned.items()))) == to_text(TREE)


def test_text_by_hand_may_leave_out_what_is_empty():
    found = from_text('{"background_nodes": 1, "tree": {"name": "T"}}')
    assert found == {"background_nodes": 1, "tree": {"name": "T", "nodes": {}, "links": []}, "groups": {}, "texts": {}}


def test_value_that_was_written_as_json_keeps_its_order():
    found = from_text(to_text(TREE))["tree"]["nodes"]["In"]["outputs"][0]["value"]["json"]
    assert json.dumps(found) == '{"z": 1, "a": [2, {"json": 3}]}'


def test_source_of_a_text_has_a_line_for_each_of_its_lines():
    lines = [line.strip() for line in to_text(TREE).splitlines()]
    assert '"def main() -> int:",' in lines
    assert '"    return 1",' in lines


@pytest.mark.parametrize(
    "source", ["", "\n", "a", "a\n", "a\r\nb\x0b\u2028c\t", "x = '\u202e\u200b' # \U0001f600 \ud800"]
)
def test_any_source_is_read_as_it_was(source):
    data = copy.deepcopy(TREE)
    data["texts"]["s.py"] = source
    text = to_text(data)
    assert from_text(text)["texts"]["s.py"] == source
    assert "\u202e" not in text  # nobody is to review what is turned round
    assert "\u200b" not in text


def test_one_value_changes_one_line():
    data = copy.deepcopy(TREE)
    data["tree"]["nodes"]["Rocks"]["location"] = [5.0, 10.5]
    data["texts"]["s.py"] = data["texts"]["s.py"].replace("1", "2")
    before, after = to_text(TREE).splitlines(), to_text(data).splitlines()
    assert len(before) == len(after)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 2


def test_digest_knows_groups_by_what_they_do():
    data = copy.deepcopy(TREE)
    data["groups"]["Stone"] = data["groups"].pop("Rock")
    data["tree"]["nodes"]["Rocks"]["group"] = "Stone"
    data["texts"]["other.py"] = data["texts"].pop("s.py")
    data["groups"]["Stone"]["nodes"]["S"]["settings"]["script"]["text"] = "other.py"
    assert digest(data) == digest(TREE)
    assert digests_of_groups(data)["Stone"] == digests_of_groups(TREE)["Rock"]
    data["texts"]["other.py"] += "#"
    assert digest(data) != digest(TREE)
    assert digests_of_groups(data)["Stone"] != digests_of_groups(TREE)["Rock"]


def test_modules_of_a_text_are_read_as_written_and_count():
    data = {**TREE, "texts": {**TREE["texts"], "tools.py": "A = 1\n"}, "modules": {"s.py": {"tools.py": "tools.py"}}}
    assert from_text(to_text(data)) == data
    assert digest(data) != digest(TREE)
    changed = {**data, "texts": {**data["texts"], "tools.py": "A = 2\n"}}
    assert digest(changed) != digest(data)
    assert digests_of_groups(changed) != digests_of_groups(data)


def _modules(**modules) -> str:
    return _changed(lambda data: (data["texts"].update({"t.py": ""}), data.update(modules=modules)))


def _nest(depth: int) -> str:
    return json.dumps(TREE).replace('"P"', '"P", "closed": ' + "[" * depth + "]" * depth, 1)


def _changed(change) -> str:
    data = json.loads(to_text(TREE))
    change(data)
    return json.dumps(data)


def _node(**keys) -> str:
    return _changed(lambda data: data["tree"]["nodes"]["In"].update(keys))


def _link(**keys) -> str:
    return _changed(lambda data: data["tree"]["links"][0].update(keys))


def _item(**keys) -> str:
    return _changed(lambda data: data["groups"]["Rock"]["interface"][0]["items"][0].update(keys))


def _in_itself(data) -> None:
    data["groups"]["Rock"]["nodes"]["G"] = {"type": "BackgroundNodeGroup", "group": "Rock"}


def _in_each_other(data) -> None:
    data["groups"]["B"] = {"nodes": {"G": {"type": "BackgroundNodeGroup", "group": "Rock"}}, "links": []}
    data["groups"]["Rock"]["nodes"]["G"] = {"type": "BackgroundNodeGroup", "group": "B"}


#: What somebody may send, and what is said of it.
HOSTILE = {
    "no JSON": ("{", "no JSON"),
    "empty": ("", "no JSON"),
    "another JSON": ("[1, 2]", "no text of a node tree"),
    "deep": ("[" * 200_000, "deeper than any tree"),
    "deep in a place": (_nest(200), "deeper than any tree"),
    "huge number": (json.dumps(TREE).replace("10.5", "1" * 20_000), "no JSON"),
    "too large number": (json.dumps(TREE).replace("10.5", "1e999"), "too large"),
    "no number": (json.dumps(TREE).replace("10.5", "NaN"), "NaN, which is no JSON"),
    "far away": (json.dumps(TREE).replace("10.5", "1e200"), "location"),
    "twice": ('{"background_nodes": 1, "background_nodes": 1}', "'background_nodes' twice"),
    "future": (_changed(lambda data: data.update(background_nodes=2)), "form 2"),
    "true": (_changed(lambda data: data.update(background_nodes=True)), "form True"),
    "unknown key": (_changed(lambda data: data.update(run="rm")), "'run' means nothing"),
    "misspelt key": (_node(mutted=True), "'mutted' means nothing"),
    "no tree": (_changed(lambda data: data.pop("tree")), "no tree"),
    "tree and part": (_changed(lambda data: data.update(part={"nodes": {}})), "no tree"),
    "tree is a list": (_changed(lambda data: data.update(tree=[])), "no JSON object"),
    "nodes are a list": (_changed(lambda data: data["tree"].update(nodes=[])), '"nodes" is no JSON object'),
    "node is a text": (_changed(lambda data: data["tree"]["nodes"].update(In="x")), "no JSON object"),
    "type is a number": (_node(type=3), "no type"),
    "place of texts": (_node(location=["a", "b"]), "location"),
    "place of three": (_node(location=[1, 2, 3]), "location"),
    "long name": (_changed(lambda data: data["tree"]["nodes"].update({"n" * 64: {"type": "NodeFrame"}})), "longer"),
    "name with nul": (_changed(lambda data: data["tree"]["nodes"].update({"a\0b": {"type": "NodeFrame"}})), "name"),
    "no name": (_changed(lambda data: data["tree"].update(name=3)), "name"),
    "frame of no one": (_node(frame="x"), "no frame"),
    "frame that is none": (_node(frame="Rocks"), "no frame"),
    "frame in itself": (_changed(lambda data: data["tree"]["nodes"]["Frame"].update(frame="Frame")), "in itself"),
    "group of no one": (_node(group="../../etc/passwd"), "holds no group"),
    "group in itself": (_changed(_in_itself), "in itself"),
    "groups in each other": (_changed(_in_each_other), "in itself"),
    "group without name": (_changed(lambda data: data["groups"].update({"": data["groups"]["Rock"]})), "no name"),
    "unused group": (_changed(lambda data: data["groups"].update(B={"nodes": {}})), "no node uses"),
    "text of no one": (_node(settings={"script": {"text": "../x.py"}}), "holds no text"),
    "text is a number": (_changed(lambda data: data["texts"].update({"s.py": 3})), "no list of lines"),
    "modules of no one": (_modules(**{"x.py": {"t.py": "t.py"}}), "are no texts"),
    "module that is no text": (_modules(**{"s.py": {"t.py": "x.py"}}), "are no texts"),
    "module is a list": (_modules(**{"s.py": {"t.py": []}}), "are no texts"),
    "modules in each other": (_modules(**{"s.py": {"t.py": "t.py"}, "t.py": {"s.py": "s.py"}}), "are no texts"),
    "module elsewhere": (_modules(**{"s.py": {"../t.py": "t.py"}}), "can be no module"),
    "long text": (_changed(lambda data: data["texts"].update({"s.py": "x" * 300_000})), "larger than a script"),
    "many nodes": (
        _changed(lambda data: data["tree"]["nodes"].update({str(n): {"type": "NodeFrame"} for n in range(20_001)})),
        "more than 20000",
    ),
    "link to no one": (_link(to=["x", "y"]), "not there"),
    "link of one end": (_link(to=["In"]), "two ends"),
    "link of numbers": (_link(to=[1, 2]), "two ends"),
    "socket without type": (_node(outputs=[{"identifier": "value"}]), "no type"),
    "sockets are an object": (_node(outputs={}), "no list"),
    "identifier twice": (
        _changed(lambda data: data["groups"]["Rock"]["interface"].append(data["groups"]["Rock"]["interface"][0])),
        "one twice",
    ),
    "number of a million": (_item(identifier="Socket_1000000"), f"beyond {MAX_SOCKET_NUMBER}"),
    "number of no one": (_item(identifier="Socket_-1"), "no identifier"),
    "neither in nor out": (_item(in_out="BOTH"), "neither INPUT nor OUTPUT"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_is_refused_with_words(case):
    text, said = HOSTILE[case]
    with pytest.raises(BuildError, match=said) as caught:
        from_text(text)
    assert len(str(caught.value)) < 500
    assert all(problem.message and problem.fix for problem in caught.value.problems)


def test_chain_of_groups_that_double_is_read_at_once():
    """Each group has the next one twice: taken to pieces, they would be more nodes than there are atoms."""
    data = json.loads(to_text(TREE))
    for number in range(300):
        inner = {"type": "BackgroundNodeGroup", "group": f"G{number + 1}" if number < 299 else "Rock"}
        data["groups"][f"G{number}"] = {"nodes": {"A": inner, "B": inner}, "links": []}
    data["tree"]["nodes"]["In"] = {"type": "BackgroundNodeGroup", "group": "G0"}
    data["tree"]["links"] = []
    assert len(digest(from_text(json.dumps(data)))) == 64
