"""What a station tells of a job while that is under way. Time is here what the test says."""

import asyncio

import pytest

from background_nodes.farm import connections, plugin
from background_nodes.farm import news as news_module
from background_nodes.farm.news import News
from background_nodes.farm.records import JobNews
from background_nodes.runtime.engine import messages

from .test_patience import until


@pytest.fixture
def clock(monkeypatch):
    """The time that it is, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(news_module.time, "monotonic", lambda: now[0])
    return now


def fractions(told: list[JobNews]) -> list[float]:
    return [messages.decode(each.report.encode()).fraction for each in told if each.report]


def test_job_that_has_news_all_the_time_tells_20_a_second_and_the_last_one(clock, tmp_path):
    """It prints more than can be told meanwhile, and has progress a thousand times in each of ten seconds."""
    log = tmp_path / "log"
    told: list[JobNews] = []
    news = News("key", "tls://render1:1", log, told.append)
    with log.open("ab", buffering=0) as file:
        for number in range(10_000):
            file.write(b"x" * 1000)
            news.progressed(messages.Progressed(number / 10_000, ""))
            clock[0] += 0.001
    news.progressed(messages.Progressed(1.0, ""))
    news.end()
    assert 190 <= len(told) <= 202
    assert fractions(told) == sorted(fractions(told))
    assert fractions(told)[-1] == 1.0
    with_log = [each for each in told if each.log]
    assert 36 <= len(with_log) <= 41, "four a second"
    assert max(len(each.log) for each in with_log) <= 32 * 1024
    starts = [sum(len(before.log) for before in with_log[:place]) for place in range(len(with_log))]
    assert [each.log_start for each in with_log] == starts, "one after the other"


def test_rare_news_are_told_at_once_and_those_that_were_told_are_not_told_again(clock, tmp_path):
    told: list[JobNews] = []
    news = News("key", "tls://render1:1", tmp_path / "none", told.append)
    for fraction in (0.25, 0.5):
        news.progressed(messages.Progressed(fraction, ""))
        assert fractions(told)[-1] == fraction
        clock[0] += 1.0
    news.end()
    assert fractions(told) == [0.25, 0.5]


def test_scheduler_passes_news_on_and_keeps_none():
    """Dask would keep the last thousand of each run, with what they say that scripts have printed."""
    heard: list[str] = []
    topic = plugin.topic("0123")

    async def story() -> None:
        connections.set_up()
        place = {"host": "127.0.0.1", "port": 0, "protocol": "tcp://"}
        async with connections.Scheduler(dashboard=False, **place) as scheduler:
            client = await connections.connect(scheduler.address)
            topics = scheduler._broker._topics
            client.subscribe_topic(topic, lambda event: heard.append(event[1]))
            await until(lambda: topic in topics)
            for number in range(100):
                scheduler.log_worker_event("tcp://render1:1", topic, f"news {number}")
            await until(lambda: len(heard) == 100)
            assert scheduler.get_events(topic) == ()
            await client.close()
            await until(lambda: topic not in topics)
            scheduler.log_worker_event("tcp://render1:1", topic, "of what ended with its bridge")
            assert topic not in topics
            assert {known.events.maxlen for known in topics.values()} == {10}

    asyncio.run(story())
    assert heard == [f"news {number}" for number in range(100)]
