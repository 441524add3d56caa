"""Entities, attributes, merge rules and representations: pure functions, no input or output."""
