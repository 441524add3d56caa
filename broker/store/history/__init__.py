"""History: recorded with every commit, sealed in the background, read from both."""
