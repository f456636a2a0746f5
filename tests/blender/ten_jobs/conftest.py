"""Every test has one of the ten jobs: its graph, its size, and what is told of it."""

import pytest


@pytest.fixture
def job(request, tmp_path):
    """The job that the module is named after. What the test tells of it is kept if it passes, at its whole size."""
    from .job import Job

    job = Job(request.module.__name__.rpartition("test_")[2], request.module.__doc__ or "", tmp_path)
    yield job
    job.keep()
