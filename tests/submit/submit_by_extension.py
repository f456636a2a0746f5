"""Submit a file by the operator of Background Nodes Farm: python submit_by_extension.py PYTHON FILE FOLDER.

Prints what the operator answers for a file that is not saved, without a Python, and for a saved file; and whether it
still looks for what becomes of a job when another file was opened.
"""

import importlib.util
import sys
from pathlib import Path

import bpy

USE = Path(__file__).parents[1] / "farm" / "use_extension.py"


def answer(**options: str) -> str:
    try:
        return next(iter(bpy.ops.background_nodes_farm.submit(tree_name="Tree", **options)))
    except RuntimeError as error:
        return str(error).strip()


def answer_to_file_that_another_one_saved(file: str, folder: str) -> str:
    """What is open is what was saved here; in its place there is a file with another script now."""
    text, other = bpy.data.texts["raise.py"], f"{file}.other.blend"
    good = text.as_string()
    text.from_string(f"{good}\nprint('other')\n")
    bpy.ops.wm.save_as_mainfile(filepath=other, copy=True)
    text.from_string(good)
    bpy.ops.wm.save_as_mainfile(filepath=file)
    Path(other).replace(file)
    return answer(folder=folder)


def answer_after_another_file_was_opened(python: str, file: str) -> str:
    """In a window a timer tells what came of a submission; here, where none runs, whether it is still there."""
    submitting = next(module for name, module in sys.modules.items() if name.endswith(".extension.submitting"))
    submission = submitting.Submission([python, "-c", ""], [])
    submission.follow()
    bpy.ops.wm.open_mainfile(filepath=file)
    return f"still looks: {bpy.app.timers.is_registered(submission.look)}"


def main(python: str, file: str, folder: str) -> None:
    spec = importlib.util.spec_from_file_location("use_extension", USE)
    use = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(use)
    use.enable()
    use.tree().use_fake_user = True
    preferences = bpy.context.preferences.addons[use.FARM].preferences
    answers = [answer(folder=folder)]
    bpy.ops.wm.save_as_mainfile(filepath=file)
    answers.append(answer(folder=folder))
    preferences.python = python
    answers.append(answer(folder=folder, target="flamenco", manager="http://farm:8080"))
    answers.append(answer(folder=folder))
    answers.append(answer(folder=folder))
    answers.append(answer_to_file_that_another_one_saved(file, f"{folder} of another file"))
    answers.append(answer_after_another_file_was_opened(python, file))
    sys.stderr.write("".join(f"answer: {each.splitlines()[0]}\n" for each in answers))
    sys.modules[use.FARM].unregister()
    sys.modules[use.FIRST].unregister()


if __name__ == "__main__":
    main(*sys.argv[1:])
