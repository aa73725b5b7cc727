"""Parts of the speech lifecycle package."""
