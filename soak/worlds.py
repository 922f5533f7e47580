"""The worlds by name."""

from __future__ import annotations

from soak.patroni import Patroni
from soak.world import Failover, Workers, World

WORLDS: dict[str, type[World]] = {"plain": World, "workers": Workers, "failover": Failover, "patroni": Patroni}
