"""LiveKit Agents: the lifecycle beside a running `AgentSession`."""
