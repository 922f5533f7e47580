"""Many clients play all five APIs while a driver breaks what they stand on; then the ledger explains every answer.

    python -m soak --seconds 60 --seed 7 --clients 96 --world failover

- ``world``, ``proxy``, ``receiver``: what a run stands on. ``faults``: what breaks.
- ``clients``: who asks, and writes into the ``history`` what was answered. ``planted``: faults that must be found.
- ``ledger``: the database after the run. ``timeline``: each product's states, and when each may have been there.
- ``check``: what history and ledger are held to as wholes. ``answers``: what each answer is held to.
"""
