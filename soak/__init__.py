"""Many clients play all five APIs while a driver breaks what they stand on; then the history is held to the database.

python -m soak --seconds 60 --seed 7 --clients 24
"""
