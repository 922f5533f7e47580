"""Requests, answers and errors. Imports of the other rooms: database; and settings.py."""
