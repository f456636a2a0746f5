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
