# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a task runs if only a part of what it takes is there. Plans are written as in `plan_text`.

Random trees that do so are in `test_loops`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.plan import Plan
from background_nodes.runtime.scheduling.events import (
    CancelRequested,
    Event,
    LookUp,
    PauseRequested,
    ResultMissing,
    RetryRequested,
    RunStarted,
    StartTask,
    TaskError,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSucceeded,
    TimePassed,
)
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.scheduling.states import RunState

from .graph_text import graph
from .plan_text import parse_plan

WORDS = {"s": "succeeded", "f": "failed", "k": "skipped", "t": "timed_out", "c": "cancelled"}


class Run:
    """A run of which each item that starts ends at once.

    Items ("a.0") that are `failing` fail, those that are `held` go on. What gives a list gives two elements, or as many
    as `lengths` say (a0=3).
    """

    def __init__(self, plan: str | Plan, *failing: str, held: str = "", **lengths: int) -> None:
        self.scheduler = Scheduler(parse_plan(plan) if isinstance(plan, str) else plan, 4)
        self.failing = set(failing)
        self.held = held
        self.lengths = lengths
        self.started: list[str] = []
        self.handle(RunStarted(0.0))

    def handle(self, event: Event) -> None:
        waiting = self.scheduler.handle(event)
        while waiting:
            instruction = waiting.pop(0)
            self.scheduler.validate()
            if isinstance(instruction, StartTask):
                where = instruction.task, instruction.item, instruction.attempt
                self.scheduler.handle(TaskStarted(1.0, *where))
                name = f"{instruction.task}.{instruction.item}"
                self.started.append(name)
                if name in self.failing:
                    waiting += self.scheduler.handle(TaskFailed(1.0, *where, TaskError("no faces")))
                elif name != self.held:
                    length = self.lengths.get(f"{instruction.task}{instruction.item}", 2)
                    outputs = self.scheduler.tasks[instruction.task].planned.outputs
                    lengths = {output.identifier: length for output in outputs if output.type.is_list}
                    waiting += self.scheduler.handle(TaskSucceeded(1.0, *where, lengths))
        self.scheduler.validate()

    def retry(self) -> None:
        self.failing.clear()
        self.started.clear()
        self.handle(RetryRequested(2.0))

    def items(self, task: str) -> str:
        letters = {word: letter for letter, word in WORDS.items()}
        return "".join(letters.get(item.state.value, "?") for item in self.scheduler.tasks[task].items)

    def state(self, task: str) -> str:
        return self.scheduler.tasks[task].state.value

    def message(self, task: str) -> str:
        error = self.scheduler.tasks[task].error
        return "" if error is None else error.message


def test_an_item_that_failed_skips_what_takes_it_and_no_other_item():
    run = Run("read: *4; clean: *read; save: *clean *read; report: save", "read.2")
    assert run.items("read") == "ssfs"
    assert run.items("clean") == run.items("save") == "ssks"
    assert run.state("report") == "skipped"
    assert run.items("report") == ""
    assert run.scheduler.state is RunState.FAILED
    assert run.message("read") == "1 of 4 items failed; item 2: no faces"
    assert run.message("clean") == run.message("save") == '1 of 4 items skipped: item 2 of "Read" failed'
    assert run.message("report") == 'skipped because "Read" failed'
    assert run.scheduler.tasks["save"].items[2].error.message == 'skipped because item 2 of "Read" failed'
    assert [(run.scheduler.tasks[task].num_done, run.scheduler.tasks[task].num_items) for task in ("read", "save")] == [
        (4, 4),
        (3, 4),
    ]


def test_items_that_fail_at_two_nodes_are_told_apart():
    run = Run("read: *4; clean: *read; save: *clean", "read.2", "clean.0")
    assert run.items("clean") == "fsks"
    assert run.items("save") == "ksks"
    assert run.state("clean") == "failed"
    assert run.message("clean") == "1 of 4 items failed, 1 of 4 items skipped; item 0: no faces"
    assert run.message("save") == '2 of 4 items skipped: item 0 of "Clean" failed'


def test_if_all_items_failed_all_that_take_them_are_skipped():
    run = Run("read: *2; clean: *read; save: *clean; report: save", "read.0", "read.1")
    assert run.items("clean") == run.items("save") == "kk"
    assert run.message("save") == '2 of 2 items skipped: item 0 of "Read" failed'
    assert run.message("report") == 'skipped because "Read" failed'


def test_what_takes_the_whole_list_beside_an_element_is_skipped_for_each_item():
    run = Run("read: *3; clean: *3 read; save: *clean", "read.1")
    assert run.items("clean") == run.items("save") == "kkk"
    assert run.started == ["read.0", "read.1", "read.2"]


def test_a_retry_runs_only_the_items_that_were_missing():
    run = Run("read: *3; clean: *read; save: *clean; report: save", "read.1")
    run.retry()
    assert run.started == ["read.1", "clean.1", "save.1", "report.0"]
    assert run.scheduler.state is RunState.SUCCEEDED
    assert run.scheduler.tasks["clean"].skipped == []


def test_the_bar_of_a_node_counts_the_items_that_it_will_not_do_as_done():
    run = Run("read: *4; clean: *read", "read.2", held="clean.3")
    assert run.items("clean") == "ssk?"
    assert run.scheduler.tasks["clean"].progress == 0.75
    run.handle(TaskProgressed(2.0, "clean", 3, 1, 0.5, ""))
    assert run.scheduler.tasks["clean"].progress == 0.875
    run.handle(TaskFailed(2.0, "clean", 3, 1, TaskError("no faces")))
    assert [run.scheduler.tasks[task].progress for task in ("read", "clean")] == [1.0, 1.0]
    run.held = "read.2"
    run.retry()
    assert [run.scheduler.tasks[task].progress for task in ("read", "clean")] == [0.75, 0.5]


def test_a_cancelled_node_skips_all_that_follows():
    run = Run("read: *3; clean: *read", held="read.1")
    run.handle(CancelRequested(3.0, "read"))
    assert run.items("read") == "scs"
    assert run.state("clean") == "skipped"
    assert run.items("clean") == ""


def test_an_item_that_timed_out_is_named_as_one():
    run = Run("read: *3 timeout=5; clean: *read", held="read.1")
    run.handle(TimePassed(10.0))
    assert run.items("read") == "sts"
    assert run.items("clean") == "sks"
    assert run.message("clean") == '1 of 3 items skipped: item 1 of "Read" timed out'


def test_a_failed_item_that_would_have_given_a_list_leaves_one_gap_for_all_of_it():
    run = Run("read[]: *3; clean: *read; save: *clean", "read.1", read0=2, read2=3)
    assert run.items("clean") == run.items("save") == "ssksss"
    run.lengths["read1"] = 2
    run.retry()
    assert run.scheduler.state is RunState.SUCCEEDED
    assert run.items("clean") == run.items("save") == "sssssss"
    assert run.scheduler.tasks["clean"].num_done == run.scheduler.tasks["clean"].num_items == 7
    # What a number stands for has changed.
    assert Counter(name.partition(".")[0] for name in run.started) == {"read": 1, "clean": 7, "save": 7}


def test_lists_of_which_elements_belong_together_do_not_slip_where_some_are_missing():
    """The third element of "clean" would meet the wrong one of the constant list."""
    run = Run("read[]: *3; clean: *read *6", "read.1", read0=2, read2=2)
    assert run.state("clean") == "skipped"
    assert run.items("clean") == ""
    run.retry()
    assert run.items("clean") == "ssssss"


def test_lists_of_the_same_items_belong_together_even_so():
    run = Run("read[]: *3; clean: *read; save: *clean *read", "read.1", read0=2, read2=1)
    assert run.items("save") == "ssks"


@pytest.mark.parametrize("failing", [("a.0",), ("b.1", "a.2")])
def test_an_item_starts_only_if_all_it_takes_is_there(failing):
    run = Run("a: *3; b: *3; c: *a *b", *failing)
    missing = {int(name[-1]) for name in failing}
    assert run.items("c") == "".join("k" if index in missing else "s" for index in range(3))


#: In each pass a list of lists is made, and each element of it meets one of a constant list. All that gives is counted.
PAIRS = (
    "in files: -> v:[STRING]=('a','b','c'); in six: -> v:[STRING]=('1','2','3','4','5','6'); group g: x:STRING -> ;"
    "g/list: v:STRING -> r:[STRING]; g/many: v:STRING -> r:[STRING]; g/pair: v:STRING w:STRING -> r:STRING;"
    "g/count: v:[STRING] -> r:STRING"
)
LINKS = (
    "files.v > g.x; g.x > g/list.v; g/list.r > g/many.v; g/many.r > g/pair.v; six.v > g/pair.w; g/pair.r > g/count.v"
)


def pairs(*failing: str) -> Run:
    lengths = {f"g/list{number}": 3 for number in range(3)}
    return Run(compile_graph(graph(PAIRS, LINKS)), *failing, **lengths)


@pytest.mark.parametrize("failing", [("g/many.1", "g/many.3"), ("g/many.1",), ("g/many.5",)])
def test_lists_do_not_slip_in_a_pass_of_a_loop_either(failing):
    """Where the gap is behind the first element, it is not that one that is the first of all that are missing."""
    run = pairs(*failing)
    passes = {int(name[-1]) // 3 for name in failing}
    assert run.items("g/pair") == "".join("k" if number in passes else "ssssss" for number in range(3))
    assert run.items("g/count") == "".join("k" if number in passes else "s" for number in range(3))
    run.retry()
    assert run.scheduler.state is RunState.SUCCEEDED
    assert run.items("g/pair") == "s" * 18
    assert run.started.count("g/count.0") == (0 in passes)


#: In each pass two lists are made, and a group within runs over both; what it gives is taken element by element, and as
#: a whole.
TWO_LISTS = (
    "in files: -> v:[STRING]=('a','b','c'); group g: x:STRING -> o:STRING n:STRING; g/one: v:STRING -> r:[STRING];"
    "g/two: v:STRING -> r:[STRING]; group g/h: x:STRING y:STRING -> o:STRING; g/h/pair: v:STRING w:STRING -> r:STRING;"
    "g/h/many: v:STRING -> r:[STRING]; g/h/each: v:STRING -> r:STRING; g/count: v:[STRING] -> r:STRING;"
    "after: v:STRING -> r:STRING; counts: v:STRING -> r:STRING"
)
TWO_LISTS_LINKS = (
    "files.v > g.x; g.x > g/one.v; g.x > g/two.v; g/one.r > g/h.x; g/two.r > g/h.y; g/h.x > g/h/pair.v;"
    "g/h.y > g/h/pair.w; g/h/pair.r > g/h/many.v; g/h/many.r > g/h/each.v; g/h/pair.r > g/h.o; g/h.o > g.o;"
    "g/h.o > g/count.v; g/count.r > g.n; g.o > after.v; g.n > counts.v"
)


@pytest.mark.parametrize("failing", [("g/one.1",), ("g/two.1",)])
def test_a_group_over_two_lists_of_which_one_is_missing_runs_in_the_other_passes_of_the_group_around(failing):
    run = Run(compile_graph(graph(TWO_LISTS, TWO_LISTS_LINKS)), *failing)
    assert run.items("g/h/pair") == run.items("g/h/many") == run.items("after") == "ssk" + "ss"
    assert run.items("g/h/each") == "ssss" + "k" + "ssss"
    assert run.items("g/count") == run.items("counts") == "sks"
    run.retry()
    assert run.scheduler.state is RunState.SUCCEEDED
    assert run.items("g/h/pair") == run.items("after") == "s" * 6
    assert Counter(name.partition(".")[0] for name in run.started)["g/count"] == 1


def test_what_gives_lists_in_a_group_leaves_an_open_gap_where_the_group_ran_over_one_element_that_is_missing():
    """Nobody knows how many elements of the second pass would be before those of the third."""
    nodes = (
        "in files: -> v:[STRING]=('a','b','c'); read: v:STRING -> r:STRING; group g: x:STRING -> o:[STRING];"
        "g/words: v:STRING -> r:[STRING];"
        "slice few: a:[STRING] position:INT=3 length:INT=-1 step:INT=1 -> o:[STRING]; after: v:STRING -> r:STRING;"
        "each: v:STRING -> r:STRING"
    )
    links = (
        "files.v > read.v; read.r > g.x; g.x > g/words.v; g/words.r > g.o; g.o > few.a; few.o > after.v; g.o > each.v"
    )
    run = Run(compile_graph(graph(nodes, links)), "read.1")
    assert (run.items("g/words"), run.items("after"), run.items("each")) == ("sks", "", "sskss")
    run.retry()
    assert (run.items("after"), run.items("each")) == ("sss", "s" * 6)


def test_lists_that_one_node_gives_belong_together_unless_two_of_each_are_missing():
    """Which elements are at the same place may hang on how many there are of each."""
    nodes = "in files: -> v:[STRING]=('a','b','c'); read: v:STRING -> r:[STRING] s:[STRING]; pair: v:STRING w:STRING ->"
    links = "files.v > read.v; read.r > pair.v; read.s > pair.w"
    assert Run(compile_graph(graph(nodes, links)), "read.1").items("pair") == "ssk" + "ss"
    assert Run(compile_graph(graph(nodes, links)), "read.0", "read.2").items("pair") == ""


def test_a_part_of_a_list_that_can_t_be_told_skips_that_pass_of_the_group_only():
    nodes = (
        "in files: -> v:[STRING]=('a','b','c'); group g: x:STRING -> o:[STRING]; g/read: v:STRING -> r:[STRING];"
        "g/many: v:STRING -> r:[STRING];"
        "slice g/few: a:[STRING] position:INT=1 length:INT=1 step:INT=1 -> o:[STRING]; after: v:STRING -> r:STRING"
    )
    links = "files.v > g.x; g.x > g/read.v; g/read.r > g/many.v; g/many.r > g/few.a; g/few.o > g.o; g.o > after.v"
    run = Run(compile_graph(graph(nodes, links)), "g/many.2")
    assert run.items("after") == "sks"
    run.retry()
    assert run.items("after") == "sss"


def test_what_can_t_be_told_of_one_list_skips_nothing_of_the_others_beside_it():
    nodes = (
        "in files: -> v:[STRING]=('a','b','c'); read: v:STRING -> r:[STRING]; in two: -> v:[STRING]=('d','e');"
        "slice few: a:[STRING] position:INT=1 length:INT=1 step:INT=1 -> o:[STRING];"
        "flatten all: a:[STRING] -> o:[STRING]; after: v:STRING -> r:STRING"
    )
    links = "files.v > read.v; read.r > few.a; two.v > all.a; few.o > all.a; two.v > all.a; all.o > after.v"
    run = Run(compile_graph(graph(nodes, links)), "read.1")
    assert run.items("after") == "ssk" + "ss"
    run.retry()
    assert run.items("after") == "sss" + "ss"


def test_a_run_that_was_cancelled_while_it_was_paused_is_tried_again():
    """What was to be looked for then is an item that the retry makes anew."""
    scheduler = Scheduler(parse_plan("read[]: *2; clean: *read"), 2, looks_up=True)
    scheduler.handle(RunStarted(0.0))
    for item in range(2):
        scheduler.handle(ResultMissing(0.0, "read", item, 1))
        scheduler.handle(TaskStarted(0.0, "read", item, 1))
    scheduler.handle(TaskSucceeded(0.0, "read", 0, 1, {"result": 2}))
    scheduler.handle(PauseRequested(1.0))
    scheduler.handle(TaskFailed(1.0, "read", 1, 1, TaskError("no faces")))
    assert [item.is_looked_for for item in scheduler.tasks["clean"].items] == [True, True, False]
    scheduler.handle(CancelRequested(2.0, None))
    assert scheduler.handle(RetryRequested(3.0)) == [LookUp("read", 1, 2)]
    scheduler.validate()
