"""The HTTP server: each documented endpoint is one line of http/routes.py and one call of one PostgreSQL function.

The rooms, and what each may import of the others:

http        requests, answers and errors: database, settings, traces
database    the functions that the database offers, and their calls: pgcalls, traces
webhooks    sends events to endpoints: database, traces
operation   start, stop, logs, metrics, readiness: all
app.py      puts the rooms together: all
settings.py the settings: nothing
traces.py   spans for OpenTelemetry: nothing
"""

TITLE = "Inventory"
VERSION = "0.2.0"


class ServerError(Exception):
    """An error of this package; what a call of the database ends with is a pgcalls.CallError."""
