"""The commands that are clients of the HTTP API, one module for each resource."""
