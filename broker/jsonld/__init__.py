"""@context processing: names to IRIs and back by look-ups. No input or output."""
