"""The functions that the database offers, and their calls. Imports no other room; it uses pgcalls."""
