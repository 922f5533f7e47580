"""Interleavings on purpose: two calls are stopped between the statements inside their functions, and take turns.

``instrument``: functions that stop at each statement, and a world that can be put back. ``scheduler``: who runs when.
``scenarios``: the world, the calls, the pairs. ``outcome``: what came of two calls, with new ids named by what they are.
``search``: all schedules of a pair, held to what a serial order gives. ``python -m tests.interleavings`` runs them all.
"""
