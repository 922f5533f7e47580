"""Start, stop, logs, metrics and readiness. May import all rooms."""
