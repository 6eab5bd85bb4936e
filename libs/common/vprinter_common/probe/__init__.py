"""Plays the slicer against a printer, ours or a real one, and says exactly where it stops."""
