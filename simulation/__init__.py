"""A simulated world: server, speaker and listener in one time, for tests and demonstrations."""
