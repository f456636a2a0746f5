"""A farm from outside: its commands, runs on it, who gets in, and what is left when something of it dies."""

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from background_nodes.farm import connections, credentials, plugin
from background_nodes.farm.address import Address
from background_nodes.farm.blender_version import version_of
from background_nodes.farm.engine import FarmEngine
from background_nodes.farm.records import VERSION, Job, JobEnd, decoded, encoded
from background_nodes.runtime import wire
from background_nodes.runtime.engine import messages
from background_nodes.runtime.engine.messages import GivenArgument, Piece, SharedFiles
from background_nodes.runtime.engine.workers import WorkerSettings
from background_nodes.runtime.errors import EngineError
from background_nodes.runtime.keys import own_modules
from background_nodes.runtime.planning.destinations import FilesInUse
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.signature import ScriptSource
from background_nodes.runtime.script.socket_types import SocketType

from ..engine_suite import Bench
from .conftest import PATIENCE, Farm, children, wait_until

MAKE_SCENE = Path(__file__).with_name("make_scene.py")


@pytest.fixture
def bench(farm, tmp_path):
    scratch = Scratch(tmp_path / "scratch")
    bench = Bench(FarmEngine.at(farm.address, scratch), scratch, tmp_path / "gate")
    yield bench
    bench.close()


@pytest.fixture
def own_farm(environment, tmp_path):
    """A scheduler and a worker with one slot, that a test may kill."""
    farm = Farm(tmp_path, environment)
    farm.scheduler()
    farm.worker("worker", "--slots", "1")
    yield farm
    farm.close()


@pytest.fixture
def own_bench(own_farm, tmp_path):
    scratch = Scratch(tmp_path / "scratch")
    bench = Bench(FarmEngine.at(own_farm.address, scratch), scratch, tmp_path / "gate")
    yield bench
    bench.close()


def has_ended(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# A run


def test_run_on_two_workers_gives_what_it_gives_at_home_and_each_file_comes_once(own_farm, tmp_path):
    """Left and Right wait for each other, so they run on two workers. One of these has what Thicken gave."""
    own_farm.worker("second", "--slots", "1")
    file, meeting = tmp_path / "scene.blend", tmp_path / "meeting"
    meeting.mkdir()
    made = subprocess.run([sys.executable, str(MAKE_SCENE), str(file), str(meeting)], capture_output=True, text=True)
    assert file.exists(), made.stderr
    argv = [sys.executable, "-m", "background_nodes.cli", "run", str(file), "--json", "--allow-scripts"]
    command = [*argv, "--engine", f"dask://{own_farm.address}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 0, run.stderr
    tasks = json.loads(run.stdout)["tasks"]
    assert tasks.keys() == {"Thicken", "Left", "Right"}
    assert all(task["state"] == "succeeded" for task in tasks.values())
    assert "Left is here" in tasks["Left"]["log"]

    # The file came from home once; of those that need Thicken's result, one found it here, one took it from there.
    said = own_farm.said("worker") + own_farm.said("second")
    came = [line for line in said.splitlines() if " came from " in line and ".blend" in line]
    assert sorted(line.rpartition(" ")[2].partition("://")[0] for line in came) == ["home", "tls"], said

    shutil.rmtree(meeting)  # nothing needs it: all is kept
    again = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE)
    assert again.returncode == 0, again.stderr
    assert all(task["cached"] for task in json.loads(again.stdout)["tasks"].values()), "on this machine, without a farm"


def test_chain_stays_on_the_machine_that_has_what_it_takes(own_farm, own_bench, monkeypatch):
    """Each task takes what the one before gave. Both workers are free each time."""
    own_farm.worker("second", "--slots", "1")
    scripts = sys.modules[Bench.__module__].SCRIPTS
    monkeypatch.setitem(scripts, "goes on", "def main(value):\n    return value + [1]\n")
    value = TypedValue(SocketType("ANY"), list(range(9000)))
    given = value_files.stored_whole(value, own_bench.scratch)
    for step in range(4):
        request = own_bench.request(str(step), "goes on")
        argument = GivenArgument("value", "Value", given.type, (Piece(given),))
        own_bench.engine.submit(replace(request, task=replace(request.task, arguments=(argument,))))
        own_bench.listen(lambda: own_bench.heard and "gave" in own_bench.heard[-1])
        assert own_bench.heard == [f"{step}: started", f"{step}: gave {9001 + step}"]
        own_bench.heard.clear()
        given = own_bench.gave
    said = own_farm.said("worker") + own_farm.said("second")
    assert [line.rpartition(" ")[2] for line in said.splitlines() if ".value " in line] == ["home"], said


def test_path_that_tasks_on_two_machines_wrote_to_is_an_error_of_the_second(own_farm, own_bench, monkeypatch, tmp_path):
    """Neither machine knows what the other one claims: it is found out when the results come home."""
    own_farm.worker("second", "--slots", "1")
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    picture, here = str(tmp_path / "picture.png"), str(meeting)
    body = (
        "import os, time\nfrom background_nodes.runtime.engine import own_files\n\ndef main():\n"
        f"    own_files.claim({picture!r})\n    open(os.path.join({here!r}, str(os.getpid())), 'w')\n"
        f"    while len(os.listdir({here!r})) < 2: time.sleep(0.01)\n    return 7\n"
    )
    monkeypatch.setitem(sys.modules[Bench.__module__].SCRIPTS, "writes", body)
    place = own_bench.scratch.new_blob()
    in_use = own_bench.scratch.file(place).with_name(f"{Path(place).stem}.0.in_use.json")
    in_use.write_text(json.dumps(wire.encode(FilesInUse())))
    for key in ("a", "b"):
        request = own_bench.request(key, "writes")
        told = replace(request.task, task=key, node=f"Node {key}", shared=SharedFiles(place))
        own_bench.engine.submit(replace(request, task=told))
    own_bench.listen(lambda: len(own_bench.heard) == 4)
    (gave,) = [words[0] for words in own_bench.heard if "gave 7" in words]
    (failed,) = [words for words in own_bench.heard if "failed" in words]
    assert f'picture.png is written by item 1 of "Node {gave}" in this run, too; choose another name' in failed


def test_slot_that_another_foreground_uses_is_none_to_wait_for(bench, farm):
    bench.submit("a", "waits")
    bench.hear("a: started")

    async def num_others() -> int:
        async with await connections.connect(farm.address) as client:
            (address,) = await connections.stations(client)
            return (await getattr(client.rpc(address), plugin.INFOS)(session="another"))["num_others"]

    assert asyncio.run(num_others()) == 1


def test_worker_without_a_token_listens_nowhere_that_others_reach(farm, tmp_path):
    without = {credentials.VARIABLE: str(tmp_path / "none")}
    for address, reason in (
        ("127.0.0.1:1", "there is no token for the farm at 127.0.0.1:1, and nothing goes there without one. Copy the"),
        ("tcp://127.0.0.1:1", "nothing listens at 0.0.0.0 without encryption"),
    ):
        ended = farm.command("worker", address, "--host", "0.0.0.0", **without)
        assert ended.returncode == 2
        assert reason in ended.stderr


def test_log_and_progress_are_seen_while_a_script_runs_and_not_too_often(bench, monkeypatch):
    body = (
        "import os, time\nfrom background_nodes.script import progress\n\ndef main():\n    print('begun')\n"
        "    for step in range(400):\n        progress(step / 400, str(step))\n        time.sleep(0.0025)\n"
        "    while not os.path.exists(GATE): time.sleep(0.01)\n    return 7\n"
    )
    monkeypatch.setitem(sys.modules[Bench.__module__].SCRIPTS, "talks", body)
    request = bench.submit("a", "talks")
    log = bench.scratch.file(request.task.log)
    start = time.monotonic()
    bench.listen(lambda: bench.heard and bench.heard[-1].endswith(" 399"))
    told = sum(" 0." in words for words in bench.heard)
    assert told <= 20 * (time.monotonic() - start) + 1
    bench.listen(lambda: log.exists() and "begun" in log.read_text())
    bench.open_gate()
    bench.listen(lambda: bench.heard[-1] == "a: gave 7")


# Who gets in


def test_nobody_gets_in_by_any_door_without_the_token(farm):
    """Whatever the scheduler and the worker listen at: without a certificate, with another one, without encryption."""
    ports = [
        connection.laddr.port
        for name in ("scheduler", "worker")
        for connection in psutil.Process(farm.process(name).pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(ports) == 2, "one each"
    other = farm.folder / "other.pem"
    credentials.make(other)
    for port in ports:
        assert not answers(port, None)
        assert not answers(port, context())
        assert not answers(port, context(other))
        assert answers(port, context(Path(farm.environment[credentials.VARIABLE])))


def context(certificate: Path | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if certificate is not None:
        made.load_cert_chain(certificate)
    return made


def answers(port: int, encryption: ssl.SSLContext | None) -> bool:
    """Whether a port of Dask says anything of its own: it greets whom it lets in."""
    with socket.create_connection(("127.0.0.1", port), 10.0) as plain:
        plain.settimeout(10.0)
        try:
            if encryption is None:
                plain.sendall(b"\0" * 64)
                return bool(plain.recv(1))
            with encryption.wrap_socket(plain) as encrypted:
                return bool(encrypted.recv(1))
        except OSError:
            return False


def test_other_token_or_none_is_refused_and_the_message_says_what_to_do(farm, tmp_path):
    credentials.make(tmp_path / "other.pem")
    ended = farm.command("status", farm.address, **{credentials.VARIABLE: str(tmp_path / "other.pem")})
    assert ended.returncode == 2
    assert "can't be reached" in ended.stderr
    assert f"that {tmp_path / 'other.pem'} is its token" in ended.stderr
    ended = farm.command("status", f"tcp://{farm.address}")
    assert ended.returncode == 2
    assert "leave tcp:// out if it has a token" in ended.stderr


def test_token_is_in_no_argument_and_in_nothing_that_is_printed(farm, bench):
    bench.submit("a", "gives")
    bench.hear("a: started", "a: gave 7")
    secrets = [
        line for line in Path(farm.environment[credentials.VARIABLE]).read_text().splitlines() if "-" not in line
    ]
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    told = "".join(" ".join(process.cmdline()) for process in processes)
    told += (
        farm.said("scheduler")
        + farm.said("worker")
        + "".join(path.read_text(errors="replace") for path in bench.scratch.path.rglob("*.log"))
    )
    assert not any(secret in told for secret in secrets)


def test_script_on_a_worker_sees_not_where_the_token_is_and_may_not_go_online(farm, bench, monkeypatch):
    token = farm.environment[credentials.VARIABLE]
    body = f"""
import os
import bpy

def main():
    told = [name for name, value in os.environ.items() if name == {credentials.VARIABLE!r} or {token!r} in value]
    return [told, "PATH" in os.environ, bpy.app.online_access]
"""
    monkeypatch.setitem(sys.modules[Bench.__module__].SCRIPTS, "looks around", body)
    assert token in psutil.Process(farm.process("worker").pid).environ().values(), "its worker was told"
    bench.submit("a", "looks around")
    bench.hear("a: started", "a: gave 3")
    assert bench.gave.content == [[], True, False]


def test_token_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "farm.pem"
    credentials.make(path)
    path.chmod(0o640)
    with pytest.raises(EngineError, match=r"others may read .*farm\.pem"):
        credentials.security(path)


def test_token_is_never_written_over(tmp_path):
    credentials.make(tmp_path / "farm.pem")
    with pytest.raises(FileExistsError):
        credentials.make(tmp_path / "farm.pem")
    assert (tmp_path / "farm.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("address", ["render1:8786", "127.0.0.1:1", "localhost"])
def test_nothing_goes_anywhere_without_a_token(monkeypatch, tmp_path, address):
    """On this machine, too: another user may listen there first."""
    monkeypatch.setenv(credentials.VARIABLE, str(tmp_path / "none.pem"))
    with pytest.raises(EngineError, match="nothing goes there without one"):
        Address.parsed(address)


@pytest.mark.parametrize("text", ["", "a b", "host:0", "host:99999", "host:x", "http://host", "a@b"])
def test_address_that_is_none_is_refused(environment, text):
    with pytest.raises(EngineError, match="is no address of a scheduler"):
        Address.parsed(text)


# Whose scripts


def test_script_that_is_not_what_its_user_allowed_is_refused_and_it_is_said_whose(farm, bench):
    """Somebody who is in the farm sends another script than the one whose digest comes with it, or no digest."""
    request = bench.request("a", "gives")
    allowed = own_modules.digest_of_text(request.task.script.text)
    task = replace(request.task, script=replace(request.task.script, text="def main():\n    return 8\n"))

    async def ends() -> list[str]:
        reasons = []
        async with await connections.connect(farm.address) as client:
            for number, (sent, digest) in enumerate([(task, allowed), (request.task, "")]):
                text = messages.encode(sent).decode()
                key = f"{plugin.NAME}-1-{number}"
                job = Job("1" * 16, "mallory at elsewhere", key, text, False, "", (), VERSION, digest)
                end = decoded(JobEnd, await client.submit(plugin.carry_out, encoded(job), key=key))
                reasons.append(end.no_worker)
        return reasons

    for reason in asyncio.run(ends()):
        assert "does not run the script gives.py: it is not what mallory at elsewhere has allowed" in reason
    assert farm.said("worker").count("was refused: it is not what mallory") == 2


def test_module_beside_a_script_that_changed_after_it_was_allowed_is_refused(bench, tmp_path):
    """On another machine it may be another one from the start; here it changes while the task waits for its turn."""
    (tmp_path / "beside.py").write_text("NUMBER = 7\n")
    text = "import beside\n\ndef main():\n    return beside.NUMBER\n"
    script = ScriptSource(text, str(tmp_path / "gives.py"), str(tmp_path))
    bench.submit("a", "waits")
    bench.hear("a: started")
    request = bench.request("b", "gives")
    bench.engine.submit(replace(request, task=replace(request.task, script=script)))
    (tmp_path / "beside.py").write_text("NUMBER = 8\n")
    bench.open_gate()
    bench.listen(lambda: len(bench.heard) >= 3)
    (told,) = [words for words in bench.heard if words.startswith("b: ")]
    assert "or a module beside it is another one on this machine" in told


# Which Blender


def test_task_of_another_blender_is_refused_as_its_results_would_be_others(bench):
    bench.engine.use_settings(WorkerSettings(blender="4.2.0"))
    bench.submit("a", "gives")
    bench.listen(lambda: bench.heard)
    (words,) = bench.heard
    assert words.startswith("a: no worker: the worker at tls://127.0.0.1:")
    assert words.endswith(f"can't do it: it has Blender {version_of('')}, and Blender 4.2.0 asks for it")


def test_task_of_another_version_of_the_project_is_refused_for_the_same_reason(farm, tmp_path):
    task = messages.encode(messages.Gather((), "000001.blend")).decode()
    job = Job(
        "0" * 16, "somebody", f"{plugin.NAME}-0-1", task, is_fresh=False, blender="", files=(), version="0.0.1 (1)"
    )

    async def end() -> JobEnd:
        async with await connections.connect(farm.address) as client:
            return decoded(JobEnd, await client.submit(plugin.carry_out, encoded(job), key=job.key))

    assert f"it has Background Nodes {VERSION}, and 0.0.1 (1) asks for it" in asyncio.run(end()).no_worker


def test_blender_says_its_version_and_what_is_none_is_refused(tmp_path):
    blender = tmp_path / "blender"
    blender.write_text("#!/bin/sh\necho some warning\necho Blender 5.2.2 LTS\necho '\tbuild date: 2026'\n")
    blender.chmod(0o755)
    assert version_of(str(blender)) == "5.2.2"
    with pytest.raises(EngineError, match="does not say which Blender it is"):
        version_of(shutil.which("true"))
    with pytest.raises(EngineError, match="can't be used"):
        version_of(str(tmp_path / "none"))


# What dies


def test_stopped_task_ends_its_blender_at_once(bench, farm):
    bench.submit("a", "waits")
    bench.hear("a: started")
    (blender,) = children(farm.process("worker").pid)
    start = time.monotonic()
    bench.engine.stop("a")
    wait_until(lambda: has_ended(blender))
    print(f"ended after {time.monotonic() - start:.3f} s")


def test_worker_whose_bridge_is_killed_ends_the_task_and_the_next_request_has_another_bridge(bench, farm):
    bench.submit("a", "waits")
    bench.hear("a: started")
    (blender,) = children(farm.process("worker").pid)
    (bridge,) = [each for each in psutil.Process().children() if "background_nodes.farm.bridge" in each.cmdline()]
    bridge.kill()
    bench.hear("a: started", "a: lost")
    wait_until(lambda: has_ended(blender))
    bench.submit("b", "gives")
    bench.hear("a: started", "a: lost", "b: started", "b: gave 7")


def test_task_of_a_killed_worker_is_lost_and_another_worker_takes_the_next(own_bench, own_farm):
    own_bench.submit("a", "waits")
    own_bench.hear("a: started")
    worker = own_farm.process("worker")
    (blender,) = children(worker.pid)
    worker.kill()
    own_bench.hear("a: started", "a: lost")
    wait_until(lambda: has_ended(blender))
    own_farm.worker("second", "--slots", "1")
    own_bench.submit("b", "gives")
    own_bench.hear("a: started", "a: lost", "b: started", "b: gave 7")


def test_worker_joins_again_after_the_scheduler_was_killed(own_bench, own_farm):
    own_bench.submit("a", "waits")
    own_bench.hear("a: started")
    (blender,) = children(own_farm.process("worker").pid)
    own_farm.process("scheduler").kill()
    own_bench.hear("a: started", "a: lost")
    wait_until(lambda: has_ended(blender))
    own_farm.scheduler()
    own_farm.wait_for("worker", "has joined the farm", times=2)
    own_bench.submit("b", "gives")
    own_bench.hear("a: started", "a: lost", "b: started", "b: gave 7")


def test_second_worker_of_a_name_says_so_and_joins_when_the_first_is_gone(own_farm):
    """It may be the same machine under a new address, while the scheduler does not know that the old one is gone."""
    twin = ("worker", own_farm.address, "--name", "worker", "--slots", "1")
    own_farm.started("twin", "has a worker called worker already", *twin)
    assert "can't be reached" not in own_farm.said("twin")
    own_farm.process("worker").kill()
    own_farm.wait_for("twin", "worker has joined the farm")


def test_requests_that_had_not_begun_wait_for_a_scheduler_that_was_killed(own_bench, own_farm):
    """It costs them none of their tries: nothing of them was done. What had begun is lost.

    1. a runs, b and c wait in Dask's queue. 2. The scheduler is killed; d comes before it is back.
    """
    own_bench.submit("a", "waits")
    own_bench.hear("a: started")
    own_bench.submit("b", "gives")
    own_bench.submit("c", "gives")
    own_bench.engine.freeze("c")
    own_farm.process("scheduler").kill()
    own_bench.hear("a: started", "a: lost")
    own_bench.submit("d", "gives")
    own_bench.heard.clear()
    own_farm.scheduler()
    own_bench.hear_each("b: started", "b: gave 7", "d: started", "d: gave 7")
    own_bench.engine.thaw("c")
    own_bench.hear_each("b: started", "b: gave 7", "d: started", "d: gave 7", "c: started", "c: gave 7")


def test_worker_that_is_asked_to_end_lets_its_task_end_first(own_bench, own_farm):
    own_bench.submit("a", "waits")
    own_bench.hear("a: started")
    worker = own_farm.process("worker")
    (blender,) = children(worker.pid)
    worker.send_signal(signal.SIGTERM)
    own_farm.wait_for("worker", "those that run are waited for")
    own_bench.open_gate()
    own_bench.hear("a: started", "a: gave 7")
    assert worker.wait(PATIENCE) == 0
    assert has_ended(blender)


def test_workers_on_machines_that_are_called_alike_get_numbers(own_farm):
    """As one and another machine that were made of the same image, or two workers on one machine."""
    host = socket.gethostname()
    for name in ("first", "second"):
        own_farm.started(name, "has joined the farm", "worker", own_farm.address)
    assert own_farm.said("first").startswith(f"{host} has joined the farm")
    assert own_farm.said("second").startswith(f"{host}-2 has joined the farm")
    own_farm.process("worker").terminate()
    own_farm.wait_for("worker", "worker has left the farm")


def test_stop_ends_all_of_a_farm(own_farm):
    status = own_farm.command("status", own_farm.address)
    assert status.stdout.startswith("worker at 127.0.0.1:")
    assert f"Blender {version_of('')}, 1 slots, " in status.stdout
    assert own_farm.command("stop", own_farm.address).returncode == 0
    assert own_farm.process("scheduler").wait(PATIENCE) == 0
    assert own_farm.process("worker").wait(PATIENCE) == 0
    assert "Traceback" not in own_farm.said("worker")
    assert own_farm.said("worker").endswith("the farm was stopped\n")


def test_farm_that_is_not_there_is_told_as_the_error_of_the_task(environment, tmp_path):
    scratch = Scratch(tmp_path / "scratch")
    bench = Bench(FarmEngine.at("127.0.0.1:1", scratch), scratch, tmp_path / "gate")
    bench.submit("a", "gives")
    bench.listen(lambda: bench.heard)
    assert bench.heard[0].startswith("a: no worker: the scheduler of the farm at 127.0.0.1:1 can't be reached")
    bench.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_bridge_that_waits_for_an_answer_keeps_nobody_waiting_who_has_enough_of_it(environment, tmp_path):
    with contextlib.closing(Scratch(tmp_path / "scratch")) as scratch, socket.create_server(("127.0.0.1", 0)) as mute:
        engine = FarmEngine.at(f"127.0.0.1:{mute.getsockname()[1]}", scratch)
        engine.look()
        mute.settimeout(PATIENCE)
        with mute.accept()[0]:
            begin = time.monotonic()
            engine.close()
            assert time.monotonic() - begin < 2.0


# Which machine


def test_task_goes_to_the_machine_that_has_what_it_needs_and_none_is_told_at_once(own_farm, own_bench):
    own_farm.worker("render2", "--slots", "1", "--resources", "GPU=1")
    for key in ("a", "b"):
        own_bench.engine.submit(replace(own_bench.request(key, "gives"), needs="GPU=1"))
    own_bench.listen(lambda: own_bench.heard.count("a: gave 7") + own_bench.heard.count("b: gave 7") == 2)
    assert own_farm.said("render2").count('"gives" of ') == 2
    assert '"gives" of ' not in own_farm.said("worker")
    own_bench.heard.clear()
    own_bench.engine.submit(replace(own_bench.request("c", "gives"), needs="GPU=2"))
    own_bench.listen(lambda: own_bench.heard)
    assert own_bench.heard[0].startswith("c: no worker: no machine of the farm has it: ")
    assert "render2 has not GPU=2" in own_bench.heard[0]


def test_task_that_waits_for_a_machine_goes_to_it_when_that_comes_back(own_farm, own_bench):
    """It comes back under another address, for which Dask would not wait."""
    gpu = ("render2", "--slots", "1", "--resources", "GPU=1")
    own_farm.worker(*gpu)
    for key, name in (("a", "waits"), ("b", "gives")):
        own_bench.engine.submit(replace(own_bench.request(key, name), needs="GPU=1"))
    own_bench.submit("c", "gives")
    own_bench.listen(lambda: {"a: started", "c: gave 7"} <= {*own_bench.heard})  # so Dask has the other one, too
    own_farm.process("render2").send_signal(signal.SIGTERM)
    own_farm.wait_for("render2", "those that run are waited for")
    own_bench.open_gate()
    assert own_farm.process("render2").wait(PATIENCE) == 0
    own_farm.worker(*gpu)
    own_bench.listen(lambda: [each for each in own_bench.heard if each.startswith(("b: gave", "b: lost", "b: no"))])
    assert "b: gave 7" in own_bench.heard


def test_what_a_killed_blender_has_written_does_not_stay_on_its_machine(own_farm, own_bench, tmp_path):
    own_farm.worker("render2", "--slots", "1", "--resources", "GPU=1", "--folder", str(tmp_path / "kept"))

    def written() -> list[str]:
        return [path.name for path in (tmp_path / "kept").rglob("*.log") if path.parent.parent.name.startswith("of-")]

    own_bench.engine.submit(replace(own_bench.request("a", "waits"), needs="GPU=1"))
    own_bench.hear("a: started")
    wait_until(written)
    own_bench.engine.stop("a")
    wait_until(lambda: not written(), lambda: str(written()))
