"""LiveKit Agents in a simulated world: the same scenarios, plain, watched and repaired."""
