"""One message: its chart, guards and actions, and how much of it was heard."""
