"""The gate, in a Blender that is none: which scripts of a run's tasks may not run."""

from __future__ import annotations

import pytest

from background_nodes.addon.consent import consent as gate
from background_nodes.addon.consent.consent import Consent, ConsentError
from background_nodes.addon.consent.trusted_scripts import TrustedScripts
from background_nodes.runtime.keys import own_modules
from background_nodes.runtime.keys.own_modules import ScriptPart
from background_nodes.runtime.planning.plan import Argument, PlannedTask
from background_nodes.runtime.planning.sources import Constant, FromTask
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import SocketType


class FakeHost:
    def __init__(self) -> None:
        self.texts: dict[int, str] = {}
        self.library = "/shipped"
        self.has_auto_run = False

    def report_texts(self, origins) -> None:
        for uid, text in self.texts.items():
            origins.saw(uid, own_modules.digest_of_text(text))

    def is_shipped(self, script: ScriptSource) -> bool:
        return script.folder == self.library

    def runs_scripts(self) -> bool:
        return self.has_auto_run

    def open_file(self) -> str:
        return "/files/mine.blend"


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def consent(host, tmp_path) -> Consent:
    return Consent(host, TrustedScripts(lambda: tmp_path / "trusted"))


def task(text: str, name: str = "Node", filename: str = "text.py", folder: str = "") -> PlannedTask:
    return PlannedTask(f"id of {name}", name, ScriptSource(text, filename, folder))


def test_script_that_nobody_knows_is_asked_for_with_each_of_its_nodes(consent):
    with pytest.raises(ConsentError) as caught:
        consent.check([task("a", "One"), task("b", "Two"), task("a", "Three")])
    assert [[name for _uid, name in question.nodes] for question in caught.value.questions] == [
        ["One", "Three"],
        ["Two"],
    ]
    assert [problem.node for problem in caught.value.problems] == ["One", "Three", "Two"]
    assert 'its script "text.py" is not allowed to run yet' in str(caught.value)


def test_what_counts_is_the_script_of_the_task_not_the_text_of_the_moment(consent, host):
    host.texts[1] = "the artist's own"
    consent.check([task("the artist's own")])
    with pytest.raises(ConsentError):
        consent.check([task("what the plan has")])


@pytest.mark.parametrize("script", [task("a", folder="/shipped"), task("own")])
def test_shipped_and_own_scripts_may_run(consent, host, script):
    host.texts[1] = "own"
    consent.check([script])


def test_blender_s_own_auto_run_counts(consent, host):
    host.has_auto_run = True
    consent.check([task("a")])


def test_blender_s_own_auto_run_does_not_count_for_what_came_as_text(consent, host, tmp_path):
    host.has_auto_run = True
    consent.origins.came_as_text(1, own_modules.digest_of_text("pasted"), "the clipboard")
    consent.origins.named_elsewhere(tmp_path / "script.py")
    of_file = task("b", "File", filename=str(tmp_path / "script.py"), folder=str(tmp_path))
    with pytest.raises(ConsentError) as caught:
        consent.check([task("pasted", "Pasted"), of_file, task("of the file", "Own")])
    assert [problem.node for problem in caught.value.problems] == ["Pasted", "File"]


def test_file_may_run_if_its_folder_is_an_own_one(consent, tmp_path):
    script = task("a", filename=str(tmp_path / "inner" / "script.py"), folder=str(tmp_path / "inner"))
    consent.use_script_folders(lambda: [str(tmp_path)])
    consent.check([script])
    consent.use_script_folders(lambda: [str(tmp_path / "other")])
    with pytest.raises(ConsentError):
        consent.check([script])


def test_path_that_leaves_an_own_folder_is_not_in_it(consent, tmp_path):
    consent.use_script_folders(lambda: [str(tmp_path / "mine")])
    with pytest.raises(ConsentError):
        consent.check([task("a", filename=f"{tmp_path}/mine/../script.py", folder=f"{tmp_path}/mine/..")])


@pytest.mark.parametrize("is_chosen", [True, False])
def test_link_to_an_own_file_is_none_as_its_modules_are_others(consent, host, tmp_path, is_chosen):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    (mine / "script.py").write_text("import helper")
    (theirs / "script.py").symlink_to(mine / "script.py")
    if is_chosen:
        consent.choose_file(ScriptSource("import helper", str(mine / "script.py"), str(mine)))
    else:
        consent.use_script_folders(lambda: [str(mine)])
    consent.check([task("import helper", filename=str(mine / "script.py"), folder=str(mine))])
    with pytest.raises(ConsentError):
        consent.check([task("import helper", filename=str(theirs / "script.py"), folder=str(theirs))])


def test_script_with_too_many_modules_can_t_be_allowed(consent, tmp_path, monkeypatch):
    monkeypatch.setattr(own_modules, "MAX_FILES", 0)
    (tmp_path / "helper.py").touch()
    script = task("import helper", filename=str(tmp_path / "script.py"), folder=str(tmp_path))
    (question,) = consent.questions([script])
    consent.allow(question)
    consent.trust(question)
    assert consent.questions([script]) == (question,)
    assert not next(question.problems()).needs_consent


def test_own_script_is_kept_with_the_file_it_was_written_in(consent, host):
    host.texts[1] = "own"
    consent.check([task("own")])
    consent.keep_own([task("own").script, task("somebody else's").script])
    assert [(kept.name, kept.origin, kept.is_own) for kept in consent.trusted.listed()] == [
        ("text.py", "/files/mine.blend", True)
    ]


def test_question_tells_the_version_that_was_allowed_last(consent):
    (first,) = consent.questions([task("one\ntwo")])
    assert consent.earlier(first) is None
    consent.trust(first)
    (second,) = consent.questions([task("one\n2")])
    assert gate.difference(consent.earlier(second).parts, second.parts) == ["@@ -1,2 +1,2 @@", " one", "-two", "+2"]
    consent.allow(second)
    (third,) = consent.questions([task("one\n3")])
    assert gate.difference(consent.earlier(third).parts, third.parts)[-2:] == ["-2", "+3"]


def test_difference_names_modules_and_tells_of_what_is_no_text():
    old = [ScriptPart("", b"same"), ScriptPart("a.py", b"x"), ScriptPart("b.so", b"\0")]
    new = [ScriptPart("", b"same"), ScriptPart("a.py", b"y"), ScriptPart("c.so", b"\0\0")]
    lines = gate.difference(old, new)
    assert [line for line in lines if line.startswith("===")] == ["=== a.py", "=== c.so", "=== b.so"]
    assert "+(2 bytes that are no text)" in lines


# Shipped nodes that start programs or delete files


def command(
    *, place: str = "/shipped/pipeline", node: str = "Convert", kind: str = "run_command", **inputs
) -> PlannedTask:
    """A task of such a node. An input is a value, or the task whose output is linked."""
    text = SocketType("STRING", is_list=False)
    arguments = []
    for identifier, given in inputs.items():
        kind_of = SocketType("STRING", is_list=True) if isinstance(given, tuple) else text
        source = FromTask(given.id, "result", text) if isinstance(given, PlannedTask) else Constant(given, kind_of)
        arguments.append(Argument(Parameter(identifier, identifier.title(), kind_of), (source,)))
    return PlannedTask(f"id of {node}", node, ScriptSource("x", f"{place}/{kind}.py", place), tuple(arguments))


@pytest.fixture
def pipeline_host(host) -> FakeHost:
    host.library = "/shipped/pipeline"
    return host


def asked(consent, *tasks) -> list[str]:
    return [question.name for question in consent.questions(tasks)]


def test_shipped_node_that_starts_a_program_is_asked_for_with_what_it_starts(consent, pipeline_host):
    convert = command(program="ffmpeg", arguments=("-i", "a b\n"), folder=None)
    with pytest.raises(ConsentError, match='its command "Run Command: ffmpeg" is not allowed to run yet') as caught:
        consent.check([convert, command(node="Again", program="ffmpeg", arguments=("-i", "a b\n"), folder=None)])
    (question,) = caught.value.questions
    assert [name for _uid, name in question.nodes] == ["Convert", "Again"]
    assert question.parts[0].text.splitlines() == [
        *("Run Command", 'program: "ffmpeg"', 'arguments: "-i"', 'arguments: "a b\\n"', "folder: (nothing)"),
    ]
    consent.allow(question)
    assert asked(consent, convert) == []


@pytest.mark.parametrize(
    "other",
    [
        {"program": "rm", "arguments": ("-i",)},
        {"program": "ffmpeg", "arguments": ("-y",)},
        {"program": "ffmpeg", "arguments": ("-i", "-i")},
        {"program": "ffmpeg", "arguments": ("-i",), "folder": "/"},
    ],
)
def test_other_command_is_asked_for_again(consent, pipeline_host, other):
    consent.trust(consent.questions([command(program="ffmpeg", arguments=("-i",))])[0])
    assert asked(consent, command(program="ffmpeg", arguments=("-i",))) == []
    assert len(asked(consent, command(**other))) == 1


def test_what_links_bring_is_another_command_than_what_is_set(consent, pipeline_host):
    names = task("names", folder="/shipped/pipeline", filename="/shipped/pipeline/names.py")
    linked, typed = command(program="sh", arguments=names), command(program="sh", arguments=("result",))
    consent.allow(consent.questions([names, linked])[0])
    assert asked(consent, linked) == []
    assert asked(consent, names, typed) == ["Run Command: sh"]


def test_who_trusts_the_scripts_of_a_file_trusts_no_commands(consent, pipeline_host):
    pipeline_host.has_auto_run = True
    assert asked(consent, command(kind="delete_file", within="/home", way="Trash")) == ["Delete File: /home"]


def test_command_that_is_allowed_allows_no_script(consent, pipeline_host):
    (question,) = consent.questions([command(program="sh", arguments=("-c",))])
    consent.allow(question)
    script = question.parts[0].text
    assert asked(consent, task(script)) == []  # the same letters: and these are no Python
    with pytest.raises(SyntaxError):
        compile(script, "script", "exec")


def test_node_of_somebody_else_with_such_a_name_is_a_script(consent, pipeline_host):
    with pytest.raises(ConsentError, match=r'its script "run_command\.py"'):
        consent.check([command(place="/theirs/pipeline", program="sh")])
