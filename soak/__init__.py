"""Many clients play all five APIs while a driver breaks what they stand on; then every answer is explained by the ledger.

    python -m soak --seconds 60 --seed 7 --clients 24 --world failover

world, proxy, receiver: what the run stands on. faults: what breaks. clients: who asks, and writes into the history what was
answered. ledger: the database afterwards. timeline: each product's states, and when each was. check, answers: what history and
ledger are held to. planted: faults on purpose, which the checks must find.
"""
