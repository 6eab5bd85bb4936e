"""A real printer as far as the network can tell, for tests and demonstrations."""
