"""How long is fuzzed: a little with the unit tests, and for as long as one likes by FUZZ_EXAMPLES."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

# No database of former failures: what is found becomes a test or an `@example`, and a run depends on nothing before it.
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    deadline=None,
    database=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)
settings.load_profile("fuzz")
