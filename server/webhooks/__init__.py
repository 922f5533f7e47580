"""Sends events to endpoints of others. Imports of the other rooms: database."""
