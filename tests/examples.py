"""How many examples Hypothesis tries: all that a test asks for, or a tenth of them, the same in every run.

``pytest --hypothesis-profile fast`` asks for the tenth; without it everything is tried.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

FULL, FAST = "full", "fast"
SHARE, LEAST = 10, 5

# How fast a machine is, with all else it does, says nothing about what is tested.
settings.register_profile(FULL, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(FAST, settings.get_profile(FULL), derandomize=True, max_examples=LEAST * 2)


def examples(number: int) -> settings:
    """Return the settings of a test that tries ``number`` examples, fewer in the profile ``fast``."""
    if settings.get_current_profile_name() == FAST:
        number = min(number, max(number // SHARE, LEAST))
    return settings(max_examples=number)
