"""Desired printers -> running printers on this node.

An edge says in `serve` what it means to serve one printer; the fleet does the rest for all edges alike.
"""
