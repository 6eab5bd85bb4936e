"""Alembic's environment; shipped with the package, because the service migrates at its start."""
