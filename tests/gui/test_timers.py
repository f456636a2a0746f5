"""Timers of the session in a Blender with a window."""


def test_timer_that_is_started_again_is_called_once_and_not_after_it_is_stopped(window):
    window.run(
        """
        global counter, host

        class Counter:
            count = 0

            def tick(self):
                self.count += 1
                return 0.02

        counter, host = Counter(), places.session()._host
        for _ in range(5):
            host.start_timer(counter.tick)
        host.stop_timer(counter.tick)
        """
    )
    window.settle(10)
    assert window.run("return counter.count") == 0
    window.run(
        """
        global rounds
        rounds = []

        def tick():
            rounds.append(counter.count)
            return 0.02

        for _ in range(5):
            host.start_timer(counter.tick)
        bpy.app.timers.register(tick)
        """
    )
    window.wait_for("return len(rounds) >= 10")
    assert window.run("return counter.count") <= window.run("return len(rounds)") + 2
    window.run("host.stop_timer(counter.tick)")
    before = window.run("return counter.count")
    window.settle(10)
    assert window.run("return counter.count") == before


def test_blender_is_woken_without_a_word_to_any_tool_and_no_more_once_another_file_is_opened(window):
    window.run(
        """
        global heard, waking
        heard, waking = [], places.module("addon.session.waking")

        class TEST_OT_listen(bpy.types.Operator):
            bl_idname, bl_label = "test.listen", "Listen"

            def invoke(self, context, event):
                context.window_manager.modal_handler_add(self)
                return {"RUNNING_MODAL"}

            def modal(self, context, event):
                heard.append(event.type)
                return {"PASS_THROUGH"}

        bpy.utils.register_class(TEST_OT_listen)
        with bpy.context.temp_override(window=places.window()):
            bpy.ops.test.listen("INVOKE_DEFAULT")
        waking.wake_in(0.001)
        """
    )
    window.move(300, 300, steps=5)
    heard = set(window.run("return heard"))
    assert "MOUSEMOVE" in heard
    assert not {each for each in heard if each.startswith("TIMER")}
    assert window.run("return len(waking._timers)") == 1

    window.open_new_file()

    assert window.run("return len(waking._timers)") == 0
    window.run("waking.wake_in(0.001); waking.wake_in(None)")
    assert window.run("return len(waking._timers)") == 0
    window.run("bpy.utils.unregister_class(bpy.types.TEST_OT_listen)")
