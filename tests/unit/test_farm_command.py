"""What `background-nodes farm` prints."""

import logging

import pytest

from background_nodes.farm.command import Lines

pytestmark = pytest.mark.any_python


def test_no_name_of_a_node_steers_a_terminal_or_passes_for_another_line():
    name = 'Rock\x1b[2J\n"Render" of bob'
    record = logging.LogRecord("farm", logging.INFO, "", 0, '"%s" of %s', (name, "ann"), None)
    assert Lines("%(message)s").format(record) == '"Rock\\x1b[2J\\n"Render" of bob" of ann'


def told(error: Exception) -> str:
    """What is printed of an error that a program has noted."""
    exception = type(error), error, None
    record = logging.LogRecord("distributed.worker", logging.ERROR, "", 0, "No heartbeat", (), exception)
    return Lines("%(message)s").format(record)


def test_line_that_is_cut_is_told_without_a_traceback_and_a_fault_with_it():
    assert told(OSError("closed\x1b[2J")) == "No heartbeat\n(closed\\x1b[2J)"
    assert told(ValueError("no number")) == "No heartbeat\nValueError: no number"
