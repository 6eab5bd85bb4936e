"""The one session with each real printer: who holds it, what is heard over it, and what is told of it."""
