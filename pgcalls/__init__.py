"""Calls of PostgreSQL functions over few connections: queued, batched, sent once.

See README.md beside this file. The package imports psycopg and nothing of the program around it.
"""

from pgcalls.client import LONG, READ, SLOW, WRITE, Client, Limits
from pgcalls.errors import CallError, DatabaseError, OutcomeUnknownError, UnavailableError
from pgcalls.hosts import to_primary
from pgcalls.queue import Call, Queue
from pgcalls.stats import Histogram, Stats

__all__ = [
    "LONG",
    "READ",
    "SLOW",
    "WRITE",
    "Call",
    "CallError",
    "Client",
    "DatabaseError",
    "Histogram",
    "Limits",
    "OutcomeUnknownError",
    "Queue",
    "Stats",
    "UnavailableError",
    "to_primary",
]
