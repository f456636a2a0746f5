"""How processes start on a thread of their own, while the main one goes on."""

import ast
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from background_nodes.runtime.pool import libc_spawn
from background_nodes.runtime.pool.spawner import Order, Spawner, inherited_handle
from background_nodes.runtime.pool.transport import Channel

from .conftest import threads_of_this_process, wait_until

pytestmark = [
    pytest.mark.any_blender,
    pytest.mark.skipif(os.name == "nt", reason="starts programs of POSIX"),
]


@pytest.fixture(params=["libc", "subprocess"])
def spawner(request, monkeypatch):
    if request.param == "subprocess":
        monkeypatch.setattr(libc_spawn, "IS_AVAILABLE", False)
    elif not libc_spawn.IS_AVAILABLE:
        pytest.skip("needs posix_spawn of glibc 2.34")
    spawner = Spawner()
    yield spawner
    spawner.close()


#: `subprocess` opens the log itself.
libc_only = pytest.mark.parametrize("spawner", ["libc"], indirect=True)


@pytest.fixture
def order(tmp_path):
    """A function that makes an order of a shell's script, and gives our end of its channel beside it."""
    channels = []

    def make(script: str, log: Path = tmp_path / "log", environment: dict[str, str] | None = None):
        ours, theirs = Channel.pair()
        channels.append(ours)
        argv = ("/bin/sh", "-c", script, "sh", str(inherited_handle(theirs)))
        return Order(argv, os.environ | (environment or {}), log, theirs), ours

    yield make
    for channel in channels:
        channel.close()


@pytest.fixture
def gate(tmp_path):
    """A file that a process can't open for its log before it is opened here."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def open_gate(gate: Path) -> int:
    return os.open(gate, os.O_RDONLY | os.O_NONBLOCK)


@libc_only
def test_main_thread_goes_on_while_a_process_starts(spawner, order, gate):
    process = spawner.start(order("exit 7", gate)[0])
    assert wait_until(lambda: process._is_begun)
    assert (process.process_id, process.has_ended()) == (None, False)
    file = open_gate(gate)
    assert wait_until(process.has_ended)
    assert (process.returncode, process.error) == (7, None)
    os.close(file)


@libc_only
def test_process_that_is_killed_while_it_starts_does_not_live(spawner, order, gate, tmp_path):
    process = spawner.start(order(f"touch '{tmp_path}/started'; sleep 1000", gate)[0])
    assert wait_until(lambda: process._is_begun)
    process.kill()
    assert not process.has_ended(), "it may be there in a moment"
    file = open_gate(gate)
    assert wait_until(process.has_ended)
    assert process.returncode == -9
    os.close(file)


@libc_only
def test_process_that_is_killed_before_its_turn_never_starts(spawner, order, gate, tmp_path):
    first = spawner.start(order("exit 0", gate)[0])
    second = spawner.start(order(f"touch '{tmp_path}/started'")[0])
    third = spawner.start(order("exit 3")[0])
    second.kill()
    assert second.has_ended()
    file = open_gate(gate)
    assert wait_until(lambda: first.has_ended() and third.has_ended())
    assert (second.process_id, second.returncode, second.error) == (None, None, None)
    assert not (tmp_path / "started").exists()
    os.close(file)


def test_channel_tells_that_a_program_could_not_be_started(spawner, order):
    command, channel = order("")
    process = spawner.start(Order(("/not/there", ""), command.environment, command.log, command.channel))
    assert wait_until(process.has_ended)
    assert isinstance(process.error, FileNotFoundError)
    assert "/not/there" in str(process.error)
    with pytest.raises(EOFError):
        channel.take()


def test_process_after_one_that_could_not_be_started_starts(spawner, order, tmp_path):
    spawner.start(order("exit 0", log=tmp_path / "no folder" / "log")[0])
    process = spawner.start(order("exit 4")[0])
    assert wait_until(process.has_ended)
    assert process.returncode == 4


def test_process_has_its_channel_and_no_other_file(spawner, order, tmp_path):
    with (tmp_path / "inheritable").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        code = "import os, sys; os.write(int(sys.argv[1]), repr(sorted(os.listdir('/proc/self/fd'))).encode())"
        command, channel = order(f'exec "{sys.executable}" -I -S -c "{code}" "$1"')
        process = spawner.start(command)
        assert wait_until(process.has_ended)
    numbers = {"0", "1", "2", command.argv[-1]}
    seen = ast.literal_eval(channel.connection.recv(1000).decode())
    assert len(seen) == len(numbers) + 1, "the one more is the folder that lists them"
    assert numbers < set(seen)


def test_process_ignores_no_signal_that_python_ignores_and_has_the_environment_it_is_given(spawner, order, tmp_path):
    odd = os.fsdecode(b"caf\xe9 \xe2\x82\xac")
    script = 'grep SigIgn /proc/self/status; printf %s "$ODD"'
    process = spawner.start(order(script, environment={"ODD": odd})[0])
    assert wait_until(process.has_ended)
    first, _, rest = (tmp_path / "log").read_bytes().partition(b"\n")
    ignored = int(first.split()[1], 16)
    assert not any(ignored >> (number - 1) & 1 for number in (signal.SIGPIPE, signal.SIGXFSZ))
    assert rest == os.fsencode(odd)


def test_thread_ends_when_the_spawner_is_closed_and_comes_with_the_next_order(order):
    threads = threads_of_this_process()
    spawner = Spawner()
    for _ in range(2):
        process = spawner.start(order("exit 0")[0])
        assert wait_until(process.has_ended)
        assert len(threads_of_this_process() - threads) == 1
        spawner.close()
        assert wait_until(lambda: threads_of_this_process() <= threads)


def test_child_that_somebody_else_has_reaped_has_ended(spawner, order):
    process = spawner.start(order("exit 5")[0])
    assert wait_until(lambda: process.process_id is not None)
    os.waitpid(process.process_id, 0)
    assert process.has_ended()


def test_wait_ends_at_its_time(spawner, order):
    process = spawner.start(order("sleep 1000")[0])
    process.wait(time.monotonic() - 1.0)
    assert not process.has_ended()
    process.kill()
    process.wait(time.monotonic() + 60.0)
    assert process.has_ended()
