"""Workers render with the devices that were chosen, as far as there are any."""

from background_nodes.runtime.engine.workers import CyclesDevices, WorkerSettings

from .conftest import planned

ASK = """
    import bpy
    preferences = bpy.context.preferences.addons["cycles"].preferences
    used = [item.id for item in preferences.devices if item.use]
    return [preferences.compute_device_type, used, bpy.context.scene.cycles.device]
    """


def test_devices_survive_the_command_line():
    devices = CyclesDevices("CUDA", ('CUDA_"Ti" 4080 Ünï_0000:01:00', "CPU"))
    assert CyclesDevices.from_argument(devices.argument()) == devices
    assert CyclesDevices.from_argument(CyclesDevices().argument()) == CyclesDevices()


def test_without_a_choice_workers_render_with_the_processor(make_engine):
    assert make_engine().run(ASK).value == ["NONE", [], "CPU"]


def test_chosen_devices_are_used_and_those_that_are_missing_do_no_harm(make_engine):
    engine = make_engine(devices=CyclesDevices("CUDA", ("CPU", "CUDA_a card that was taken out")))
    backend, used, device = engine.run(ASK).value
    assert backend == "CUDA"
    assert used == ["CPU"]
    assert device == "CPU"
    assert engine.run("return 1").value == 1
    assert len(engine.pool.process_ids) == 1, "the choice is part of what a worker is, not something a script changed"


def test_backend_that_blender_was_built_without_does_no_harm(make_engine):
    assert make_engine(devices=CyclesDevices("ABACUS", ("x",))).run(ASK).value == ["NONE", [], "CPU"]


def test_other_preferences_replace_the_workers(make_engine):
    engine = make_engine()
    engine.run(ASK)
    engine.settle()
    engine.pool.use_settings(WorkerSettings(devices=CyclesDevices("CUDA", ("CPU",))))
    assert engine.pool.num_workers == 0
    assert engine.run(ASK).value[0] == "CUDA"


def test_worker_that_is_busy_when_preferences_change_ends_after_its_task(make_engine, tmp_path):
    engine = make_engine()
    flag = tmp_path / "flag"
    run = engine.start(planned(f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)"))
    engine.wait(run, lambda: run.scheduler.tasks["task"].started)
    old = engine.pool.process_ids
    engine.pool.use_settings(WorkerSettings(devices=CyclesDevices("CUDA", ("CPU",))))
    flag.touch()
    assert engine.wait(run).state == "succeeded"
    assert engine.run(ASK).value[0] == "CUDA"
    assert engine.pool.process_ids != old
