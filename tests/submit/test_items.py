"""A list of 50 files, of which one is broken, through the steps of a job: the others go on."""

import contextlib

from background_nodes.runtime.store.store import Store
from background_nodes.submit import collecting

from ..farm.conftest import make_files
from .test_submit import Heard, new_worker, submit

NUM_FILES = 50
BROKEN = 17

__all__ = ("new_worker",)


def done(heard: Heard, words: str) -> list[str]:
    return [line for line in heard.lines if line.endswith(f": {words}")]


def test_one_broken_file_of_fifty_fails_what_is_made_of_it_and_the_next_tries_do_that_only(tmp_path, new_worker):
    file = make_files(tmp_path / "project", NUM_FILES, 1)
    file.with_name(f"{BROKEN}.txt").write_text("broken")
    submit(file, tmp_path / "job")
    worker = new_worker(tmp_path / "job")
    steps = worker.job.steps
    assert [step.name for step in steps] == ["Read", "Repeat", "Measure", "Total"]

    def ran(number: int) -> tuple[bool, Heard]:
        heard = Heard()
        return worker.run(number, range(NUM_FILES) if steps[number].num_items else None, heard), heard

    is_done, heard = ran(0)
    assert not is_done
    assert heard.faults == [f"\"Read\", item {BROKEN}: ValueError: invalid literal for int() with base 10: 'broken'"]
    assert len(done(heard, "succeeded")) == NUM_FILES - 1
    for number in (1, 2):
        is_done, heard = ran(number)
        print(heard.faults)
        assert not is_done
        assert len(done(heard, "succeeded")) == NUM_FILES - 1
        assert any(f'"{steps[number].name}", item {BROKEN}: ' in fault for fault in heard.faults)
    is_done, heard = ran(3)
    print(heard.faults)
    assert not is_done

    (tmp_path / "job" / "files" / f"{BROKEN}.txt").write_text(str(BROKEN))
    for number in range(3):
        is_done, heard = ran(number)
        assert is_done, heard.faults
        assert (len(done(heard, "kept already")), len(done(heard, "succeeded"))) == (NUM_FILES - 1, 1)
    is_done, heard = ran(3)
    assert is_done, heard.faults
    worker.close()
    with contextlib.closing(Store(tmp_path / "home")) as home:
        collected = collecting.collect(tmp_path / "job", home)
    assert (collected.num_results, collected.missing) == (2 * NUM_FILES + 1, [])
    assert collected.elsewhere == [f"Read, item {number}" for number in range(NUM_FILES)], "these are of paths"
