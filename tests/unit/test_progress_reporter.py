"""How often a worker sends a script's progress on."""

from types import SimpleNamespace

import pytest

from background_nodes.runtime.worker import progress_reporter
from background_nodes.runtime.worker.progress_reporter import ProgressReporter


class Clock:
    """Stands in for the module's `time` and `threading.Timer`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due = []

    def monotonic(self) -> float:
        return self.now

    def timer(self, seconds, call):
        return SimpleNamespace(
            start=lambda: self.due.append((self.now + seconds, call)), cancel=self.due.clear, join=lambda: None
        )

    def let_pass(self, seconds: float) -> None:
        self.now += seconds
        calls = [call for when, call in self.due if when <= self.now]
        self.due = [(when, call) for when, call in self.due if when > self.now]
        for call in calls:
            call()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_reporter, "time", clock)
    monkeypatch.setattr(progress_reporter.threading, "Timer", clock.timer)
    return clock


@pytest.mark.parametrize("step", [0.0005, 0.004, 0.06, 0.3])
def test_frequent_reports_are_twenty_a_second_and_ten_at_first(clock, step):
    sent = []
    reporter = ProgressReporter(SimpleNamespace(send=sent.append))
    num_reports = 3_000
    for number in range(num_reports):
        reporter.progress(number / num_reports, number)
        clock.let_pass(step)
    assert min(num_reports, 0.9 * 20 * clock.now) <= len(sent) <= 10 + 20 * clock.now + 1
    reporter.close()
    assert sent[-1].text == str(num_reports - 1)


def test_the_last_of_many_reports_is_sent_although_no_other_follows(clock):
    sent = []
    reporter = ProgressReporter(SimpleNamespace(send=sent.append))
    for number in range(50):
        reporter.progress(0.5, number)
    clock.let_pass(0.06)
    assert [report.text for report in sent] == [*map(str, range(10)), "49"]
    clock.let_pass(10.0)
    assert len(sent) == 11
