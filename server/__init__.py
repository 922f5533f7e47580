"""The HTTP server: each documented endpoint is one line of routes.py and one call of one PostgreSQL function."""
