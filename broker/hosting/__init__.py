"""Contexts that are shipped, fetched and cached."""
