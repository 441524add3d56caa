"""Use cases of the temporal interface, and the rules of what is recorded."""
