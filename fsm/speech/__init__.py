"""One speech: its chart, guards and actions, and its timer."""
