"""Examples that Hypothesis makes may take their time: on a busy machine a test is not wrong because it is slow."""

from hypothesis import HealthCheck, settings

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")
