"""The public names of the `JobManager` of bblanimation/background_processing, and how its methods are called.

These are facts about its last version (2020), which is not part of this project. To see whether they are right:

    git clone https://github.com/bblanimation/background_processing FOLDER/background_processing
    python tests/blender/former_names.py FOLDER/background_processing/classes/job_manager.py
"""

import ast
import sys
from pathlib import Path

#: What the public names are: the parameters of a method; the value that an attribute of the class has; "" for what each
#: manager has of its own.
FORMER = {
    "get_instance": "(index=0)",
    "instance": "dict()",
    "max_workers": "5",
    "max_attempts": "1",
    "add_job": (
        "(job, script, timeout=0, passed_data={}, passed_data_blocks=set(), use_blend_file=False, overwrite_blend=True)"
    ),
    "start_job": "(job, debug_level=0)",
    "process_job": "(job, debug_level=0, overwrite_data=False)",
    "process_jobs": "()",
    "update_job_progress": "(job)",
    "retrieve_data": "(job, overwrite_data=False)",
    "get_job_path": "(script, hash)",
    "get_job_names": "()",
    "get_queued_job_names": "()",
    "get_active_job_names": "()",
    "get_completed_job_names": "()",
    "get_dropped_job_names": "()",
    "get_job_state": "(job)",
    "get_job_progress": "(job)",
    "get_retrieved_python_data": "(job)",
    "get_retrieved_data_blocks": "(job)",
    "get_issue_string": "(job)",
    "job_started": "(job)",
    "job_complete": "(job)",
    "job_dropped": "(job)",
    "job_killed": "(job)",
    "job_timed_out": "(job)",
    "jobs_complete": "()",
    "kill_job": "(job)",
    "kill_all": "()",
    "cleanup_job": "(job)",
    "num_available_workers": "()",
    "num_pending_jobs": "()",
    "num_running_jobs": "()",
    "num_completed_jobs": "()",
    "num_dropped_jobs": "()",
    "temp_path": "",
    "jobs": "",
    "passed_data": "",
    "uses_blend_file": "",
    "job_processes": "",
    "job_statuses": "",
    "job_paths": "",
    "job_timeouts": "",
    "retrieved_data": "",
    "stop_now": "",
    "blendfile_paths": "",
}


def public_names(source: str) -> dict[str, str]:
    """The same of the class `JobManager` in Python source."""
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    names: dict[str, str] = {}
    for item in next(each for each in classes if each.name == "JobManager").body:
        match item:
            case ast.FunctionDef(name="__init__"):
                names.update((name, "") for name in _set_on_self(item))
            case ast.FunctionDef(name=name):
                names[name] = f"({', '.join(_parameters(item.args))})"
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = ast.unparse(value)
    return {name: what for name, what in names.items() if not name.startswith("_")}


def _set_on_self(method: ast.FunctionDef) -> list[str]:
    attributes = (node for node in ast.walk(method) if isinstance(node, ast.Attribute))
    return [
        node.attr
        for node in attributes
        if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"
    ]


def _parameters(arguments: ast.arguments) -> list[str]:
    """Each with its default, and without the type."""
    given = [each.arg for each in arguments.args]
    defaults = [f"={ast.unparse(each)}" for each in arguments.defaults]
    pairs = zip(given, [""] * (len(given) - len(defaults)) + defaults, strict=True)
    return [name + default for name, default in pairs if name != "self"]


def differences(source: str) -> list[str]:
    """What is otherwise there than `FORMER` says."""
    there = public_names(source)
    return [
        f"{name}: {FORMER.get(name, 'nothing')!r} is noted, and {there.get(name, 'nothing')!r} is there"
        for name in sorted(FORMER.keys() | there.keys())
        if FORMER.get(name) != there.get(name)
    ]


if __name__ == "__main__":
    sys.exit("\n".join(differences(Path(sys.argv[1]).read_text(encoding="utf-8"))) or 0)
