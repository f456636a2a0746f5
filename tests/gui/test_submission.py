"""Submit to Farm tells what came of it, though another file was opened meanwhile."""

from pathlib import Path

EXTENSION = Path(__file__).parents[2] / "farm" / "extension"
SUBMIT = """
    global submitting, told
    import importlib.util, sys, types
    package = sys.modules["farm_in_test"] = types.ModuleType("farm_in_test")
    package.__path__ = [EXTENSION]
    submitting = importlib.import_module("farm_in_test.submitting")
    told = []
    tell = submitting._tell
    def listen(*words):
        told.append(words)
        tell(*words)
    submitting._tell = listen
    program = "while [ ! -e GO ]; do sleep 0.01; done; echo it is wrong >&2; exit 2".replace("GO", FOLDER + "/go")
    submission = submitting.Submission(["/bin/sh", "-c", program], [])
    submission.follow()
"""


def test_outcome_is_told_though_another_file_was_opened_meanwhile(window, tmp_path):
    window.run(SUBMIT, EXTENSION=str(EXTENSION), FOLDER=str(tmp_path))
    window.open_new_file()
    assert window.run("return told") == []
    (tmp_path / "go").touch()
    window.wait_for("return bool(told)")
    assert window.run("return told") == [["Nothing Was Submitted", "it is wrong", "ERROR"]]
    window.settle()
    window.press("ESC")
