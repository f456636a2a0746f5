"""What `background-nodes farm` prints."""

import logging

import pytest

from background_nodes.farm.command import Lines

pytestmark = pytest.mark.any_python


def test_no_name_of_a_node_steers_a_terminal_or_passes_for_another_line():
    name = 'Rock\x1b[2J\n"Render" of bob'
    record = logging.LogRecord("farm", logging.INFO, "", 0, '"%s" of %s', (name, "ann"), None)
    assert Lines("%(message)s").format(record) == '"Rock\\x1b[2J\\n"Render" of bob" of ann'
