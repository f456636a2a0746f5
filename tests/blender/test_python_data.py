"""Python values as JSON and back: of the type that was sent, and nothing is believed of what arrives."""

import base64
import json
import time

import numpy
import pytest

from background_nodes.runtime.blender import python_data
from tests.blender.jobs import run

ARRAYS = [
    numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
    numpy.arange(6, dtype=">i4").reshape(3, 2),
    numpy.arange(24).reshape(2, 3, 4)[:, ::2, 1:],  # not in one piece
    numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
    numpy.array([True, False]),
    numpy.array([1 + 2j]),
    numpy.array(3.5),
    numpy.empty((0, 3), numpy.uint8),
    numpy.array([numpy.nan, numpy.inf, -0.0]),
]


def there_and_back(value):
    return python_data.decode(json.loads(json.dumps(python_data.encode(value, "value"))))


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_array_comes_back_as_it_was(array):
    found = there_and_back({"a": [array]})["a"][0]
    assert type(found) is numpy.ndarray
    assert (found.dtype, found.shape) == (array.dtype.newbyteorder("<"), array.shape)
    assert found.tobytes() == numpy.ascontiguousarray(array, found.dtype).tobytes()
    found[...] = 0  # it may be written to


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (numpy.array(["a", "b"]), ["a", "b"]),
        (numpy.array([1, "a", None], dtype=object), [1, "a", None]),
        (numpy.array([(1, 2.0)], dtype=[("n", "i4"), ("x", "f8")]), [(1, 2.0)]),
        (numpy.ma.array([1, 2], mask=[False, True]), [1, None]),
        (numpy.float32(0.5), 0.5),
    ],
)
def test_what_is_no_array_of_numbers_comes_as_pythons_own(array, expected):
    assert there_and_back(array) == expected


@pytest.mark.parametrize("value", [{1, 2}, frozenset({"a"}), set(), {(1, frozenset({2}))}, {"a": {b"x", None}}])
def test_set_comes_back_as_it_was(value):
    assert there_and_back(value) == value
    assert type(there_and_back(value)) is type(value)


def test_set_is_always_written_in_the_same_order():
    assert python_data.encode({"b", "a", "c"}, "value") == python_data.encode({"c", "b", "a"}, "value")


DATA = base64.b64encode(bytes(8)).decode()


@pytest.mark.parametrize(
    "parts",
    [
        ["<f8", [2], DATA],
        ["<f8", [-1], DATA],
        ["<f8", [True], DATA],
        ["<f8", [1.0], DATA],
        ["<f8", [1 << 70], DATA],
        ["<f8", [1], f"{DATA}!"],
        ["|O", [1], DATA],
        ["<V8", [1], DATA],
        ["<U2", [1], DATA],
        ["<f8,<f8", [1], DATA],
        ["<f8", [1]],
        "x",
    ],
)
def test_what_only_looks_like_an_array_is_refused(parts):
    with pytest.raises(ValueError, match=r"(?i)is no array|only base64|padding"):
        python_data.decode({"$array": parts})


def test_arrays_are_passed_to_a_job_and_come_back(manager, write):
    given = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
    script = write("python_data = {'doubled': places * 2, 'type': type(places).__name__, 'names': names | {'c'}}")
    found = run(manager, script, passed_data={"places": given, "names": {"a", "b"}}).python_data
    assert found["type"] == "ndarray"
    assert (found["doubled"] == given * 2).all()
    assert found["doubled"].dtype == numpy.float32
    assert found["names"] == {"a", "b", "c"}


@pytest.mark.parametrize(("given", "expected"), [([1, "a"], [1, "a"]), (3, 3), ("text", "text"), (None, {}), ([], [])])
def test_python_data_may_be_of_any_type(manager, write, given, expected):
    assert run(manager, write(f"python_data = {given!r}")).python_data == expected


@pytest.mark.any_blender
def test_time_for_an_array_is_that_of_its_bytes():
    """A call for each number would take seconds for a million."""

    def seconds(count):
        array = numpy.zeros(count)
        start = time.process_time()
        there_and_back(array)
        return time.process_time() - start

    listed = numpy.zeros(1_000_000).tolist()
    start = time.process_time()
    there_and_back(listed)
    assert min(seconds(1_000_000) for _ in range(3)) < (time.process_time() - start) / 2
