"""A compiled @context: names to IRIs and back by look-ups."""
