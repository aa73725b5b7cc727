"""Sessions with servers."""
