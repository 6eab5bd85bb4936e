"""Keeps what is wanted and what was received: the database, the API, the certificates."""
