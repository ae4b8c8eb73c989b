"""How long Hypothesis looks: `ci`, the same every time, or `--hypothesis-profile=long`.

Owns the two profiles. A shared machine is no stopwatch, so no example has a deadline.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci",
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")
