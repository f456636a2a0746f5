"""A list of 50 files, of which one is broken: what is made of the others is made, on a farm as at home."""

import json
import os
import subprocess

import pytest

from .conftest import PATIENCE, RUN, make_files

pytestmark = pytest.mark.skipif(os.name == "nt", reason="workers run on Linux")

NUM_FILES = 50
BROKEN = 17


def run(farm, file, store) -> dict:
    argv = [*RUN, str(file), "--json", "--allow-scripts", "--engine", f"dask://{farm.address}"]
    environment = farm.environment | {"BACKGROUND_NODES_STORE": str(store)}
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.stdout, ended.stderr
    print(ended.stderr)
    return json.loads(ended.stdout)


def test_one_broken_file_of_fifty_skips_what_is_made_of_it_and_the_next_run_does_that_only(farm, tmp_path):
    file = make_files(tmp_path / "project", NUM_FILES, 1)
    broken = file.with_name(f"{BROKEN}.txt")
    broken.write_text("broken")
    first = run(farm, file, tmp_path / "store")
    assert (first["state"], first["exit_code"]) == ("failed", 1)
    tasks = first["tasks"]
    for name, state in (("Read", "failed"), ("Repeat", "skipped"), ("Measure", "skipped")):
        items = tasks[name]["items"]
        assert (items["total"], items["succeeded"]) == (NUM_FILES, NUM_FILES - 1)
        assert [(each["index"], each["state"]) for each in items["not_succeeded"]] == [(BROKEN, state)]
    (item,) = tasks["Read"]["items"]["not_succeeded"]
    assert "invalid literal for int() with base 10: 'broken'" in item["error"]["message"]
    print({name: (task["state"], task["error"], task["reasons"]) for name, task in tasks.items()})
    assert tasks["Total"]["state"] == "skipped"

    before = {name: farm.said("worker").count(f'"{name}" of ') for name in tasks}
    broken.write_text(str(BROKEN))
    second = run(farm, file, tmp_path / "store")
    assert second["state"] == "succeeded"
    ran = {name: farm.said("worker").count(f'"{name}" of ') - count for name, count in before.items()}
    assert ran == {"Read": 1, "Repeat": 1, "Measure": 1, "Total": 1}
    assert [task["items"]["cached"] for task in second["tasks"].values() if task["items"]] == [NUM_FILES - 1] * 3
