"""Files of text: scripts in the tree or beside it, and what a file may not lead to."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest

from background_nodes.runtime.errors import BuildError, DumpError
from background_nodes.runtime.text_form import files
from background_nodes.runtime.text_form.paths import absolute_in, relative_to, with_paths

SOURCES = {
    "decimate.py": "def main() -> int:\n    return 1\n",
    "Decimate.py": "# ünï 節\n",
    "../../evil": "# a name is no path\n",
    "con.py": "# Windows has no such file\n",
    "a:b*?.py": "# nor that one\n",
    "crlf.py": "a = 1\r\n",
    "latin.py": "# coding: latin-1\n# ü\n",
    "mark.py": "\ufeffa = 1\n",
    "half.py": "a = '\ud800'\n",
    "empty.py": "",
}


def data_with(sources: dict[str, str]) -> dict:
    nodes = {
        f"Node {place}": {"type": "BackgroundNodeScript", "settings": {"script": {"text": name}}}
        for place, name in enumerate(sources)
    }
    tree = {"name": "Tree", "nodes": nodes, "links": []}
    return {"background_nodes": 1, "tree": tree, "groups": {}, "texts": dict(sources)}


@pytest.mark.parametrize("name", ["lods.json", ""])
@pytest.mark.parametrize("scripts_beside", [False, True])
def test_file_is_read_as_what_was_written(awkward_path, name, scripts_beside):
    data = data_with(SOURCES)
    path = awkward_path / name
    files.write_file(path, data, scripts_beside=scripts_beside)
    assert files.is_text_of_tree(path)
    assert files.read_file(path) == data
    files.write_file(path, data, scripts_beside=scripts_beside)  # once more, over itself
    assert files.read_file(path) == data
    scripts = sorted(file.name for file in awkward_path.rglob("*.py"))
    assert scripts == (
        ["Decimate.py", "_._.._evil.py", "_con.py", "a_b__.py", "decimate_2.py", "empty.py"] if scripts_beside else []
    )
    assert all(file.resolve().is_relative_to(awkward_path) for file in awkward_path.rglob("*"))


def test_script_beside_that_is_edited_is_read(tmp_path):
    files.write_file(tmp_path / "lods.json", data_with({"a.py": "x = 1\n"}), scripts_beside=True)
    script = tmp_path / "lods_scripts" / "a.py"
    script.write_bytes(b"x = 2\r\n")  # as git writes it on Windows
    assert files.read_file(tmp_path / "lods.json")["texts"]["a.py"] == "x = 2\n"


def test_file_of_somebody_else_is_not_written_over(tmp_path):
    (tmp_path / "lods_scripts").mkdir()
    other = tmp_path / "lods_scripts" / "a.py"
    other.write_text("theirs")
    with pytest.raises(DumpError, match=r"a\.py is there already"):
        files.write_file(tmp_path / "lods.json", data_with({"a.py": "x = 1\n"}), scripts_beside=True)
    assert other.read_text() == "theirs"
    assert not (tmp_path / "lods.json").exists()


def test_folder_that_can_not_be_written_is_said(tmp_path):
    with pytest.raises(DumpError, match="can't be written"):
        files.write_file(tmp_path / "missing" / "lods.json", data_with({}))


@pytest.mark.parametrize(
    "said", ["../x.py", "/etc/passwd", "a/../../x.py", "", "a\\b.py", "C:x.py", "a\0.py", 3, "x.py"]
)
def test_script_beside_never_leads_elsewhere(tmp_path, said):
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "x.py").write_text("# outside")
    (folder / "x.py").symlink_to(tmp_path / "x.py")
    data = data_with({"a.py": ""}) | {"texts": {"a.py": {"file": said}}}
    (folder / "tree.json").write_text(json.dumps(data))
    with pytest.raises(BuildError, match=r"not in the folder|neither a list of lines nor a file"):
        files.read_file(folder)


@pytest.mark.parametrize("fault", ["missing", "folder", "pipe", "latin", "large"])
def test_file_that_is_none_is_said(tmp_path, fault):
    path = tmp_path / "lods.json"
    if fault == "folder":
        path.mkdir()
    elif fault == "pipe":
        os.mkfifo(path)
    elif fault == "latin":
        path.write_bytes(b'{"\xfc": 1}')
    elif fault == "large":
        with path.open("wb") as file:
            file.truncate(40 * 1024**2)
    with pytest.raises(BuildError) as caught:
        files.read_file(path)
    assert all(problem.fix for problem in caught.value.problems)


def test_script_beside_that_is_missing_or_a_pipe_is_said(tmp_path):
    files.write_file(tmp_path / "lods.json", data_with({"a.py": "x = 1\n"}), scripts_beside=True)
    script = tmp_path / "lods_scripts" / "a.py"
    script.unlink()
    with pytest.raises(BuildError, match=r"a\.py' can't be read"):
        files.read_file(tmp_path / "lods.json")
    os.mkfifo(script)
    with pytest.raises(BuildError, match=r"a\.py' can't be read"):
        files.read_file(tmp_path / "lods.json")


def test_paths_are_seen_from_the_folder_of_the_text():
    convert = absolute_in(Path("/p/trees"))
    wanted = {
        "//tex/a.png": "/p/trees/tex/a.png",
        "//../b.png": "/p/b.png",
        "c.png": "/p/trees/c.png",
        "//out/": "/p/trees/out/",
        "": "",
        "/abs.png": "/abs.png",
        "C:\\d.png": "C:\\d.png",
        "//": "/p/trees",
    }
    assert {path: convert(path) for path in wanted} == wanted
    back = relative_to(Path("/p/trees/deep"), of=Path("/p/scenes"))
    assert back("//a/") == "//../../scenes/a/"
    assert back("/abs.png") == "/abs.png"
    assert relative_to(Path("/p"), of=None)("//a") == "//a"


def test_all_paths_of_a_tree_are_converted_and_nothing_else():
    data = data_with({})
    library = {"kind": "Object", "name": "//Cube", "library": "//lib.blend"}
    data["tree"]["nodes"] = {
        "//Node": {
            "type": "BackgroundNodeScript",
            "settings": {"filepath": "//a.py", "library_script": "//x", "collection": dict(library)},
            "inputs": [
                {"identifier": "//a", "type": "Path", "value": "//b"},
                {"identifier": "b", "type": "PathList", "value": ["//c", None]},
                {"identifier": "c", "type": "BlendFile", "value": "//d.blend"},
                {"identifier": "d", "type": "String", "value": "//not"},
                {"identifier": "e", "type": "ObjectList", "value": [dict(library), None]},
            ],
        }
    }
    data["groups"]["G"] = {
        "interface": [{"panel": "//p", "items": [{"name": "//n", "type": "Path", "value": "//e"}]}],
        "nodes": {},
        "links": [],
    }
    before = copy.deepcopy(data)
    text = json.dumps(with_paths(data, lambda path: path.replace("//", "@")))
    assert data == before
    found = {"@a.py", "@b", "@c", "@d.blend", "@e", "@lib.blend"}
    assert {each for each in found if f'"{each}"' in text} == found
    assert text.count("@") == len(found) + 1
