"""Plays the slicer against a printer of ours and says, step by step, what is wrong and what to do about it."""
