"""`speech-lifecycle watch`: the page of a report, following an agent that runs."""
