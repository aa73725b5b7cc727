"""The vectors, one tier a file: README.md beside them says what they are, `verification.tiers` which there are."""
