"""Interleavings on purpose: two calls are stopped between the statements inside their functions, and take turns.

``instrument``: functions that stop at each statement, and a world that can be put back. ``scheduler``: who runs when.
``scenarios``: the worlds, the calls, the pairs. ``outcome``: what came of two calls, whatever ids they were given.
``search``: all schedules of a pair, held to what a serial order gives. ``__main__``: ``make interleavings``.
"""
