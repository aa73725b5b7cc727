"""`speech-lifecycle talk`: an agent to talk to, in the browser, that shows what becomes of what it says."""
