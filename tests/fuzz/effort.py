"""How long the fuzzing goes on: the suite's few examples, always the same, or more of them, other ones each time.

FUZZ=20 in the environment: twenty times as many, from a random seed; FUZZ_SEED=… repeats a run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, seed, settings

FACTOR = int(os.environ.get("FUZZ") or 0)
# One for the run: pytest's workers must agree on it.
SEED = int(os.environ.setdefault("FUZZ_SEED", str(random.randrange(2**32)))) if FACTOR else 1


def examples(number: int) -> Callable[[Any], Any]:
    """A decorator: so many examples of a hypothesis test in the suite."""
    chosen = settings(
        max_examples=number * max(FACTOR, 1),
        derandomize=not FACTOR,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )

    def decorate(test: Any) -> Any:
        return chosen(seed(SEED)(test) if FACTOR else test)

    return decorate
