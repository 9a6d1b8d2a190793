"""How many examples Hypothesis tries: all that a test asks for, or a tenth of them; the same in every run.

``pytest --hypothesis-profile fast`` asks for the tenth; without it everything is tried. What decides over a change
must not depend on chance, so both draw the same examples in every run. ``--hypothesis-profile explore`` draws other
ones in every run: what it finds becomes an example of its test.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

FULL, FAST, EXPLORE = "full", "fast", "explore"
SHARE, LEAST = 10, 5

# How fast a machine is, with all else it does, says nothing about what is tested.
settings.register_profile(EXPLORE, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(FULL, settings.get_profile(EXPLORE), derandomize=True)
settings.register_profile(FAST, settings.get_profile(FULL), max_examples=LEAST * 2)


def examples(number: int) -> settings:
    """Return the settings of a test that tries ``number`` examples, fewer in the profile ``fast``."""
    if settings.get_current_profile_name() == FAST:
        number = min(number, max(number // SHARE, LEAST))
    return settings(max_examples=number)
