"""Rules without I/O: who conflicts with whom, which job belongs to which upload, how a printer fares."""
