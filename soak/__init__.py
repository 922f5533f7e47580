"""Many clients call all five APIs while faults are injected. Then every answer is checked against the ledger.

    python -m soak --seconds 60 --seed 7 --clients 96 --world failover

- ``world``, ``proxy``, ``receiver``: the clusters, servers, proxies and webhook receiver of a run.
- ``faults``: injects faults. ``planted``: bugs put in on purpose, which the checks must find.
- ``clients``: send the requests, and record the answers in the ``history``.
- ``ledger``: the database after the run. ``timeline``: the states of each product, and when each may have been current.
- ``check``: compares the whole history with the ledger. ``answers``: checks each single answer.
"""
