"""One conversation: its chart, guards and actions, and the machine that runs it with all of its speeches."""
