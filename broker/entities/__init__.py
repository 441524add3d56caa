"""Use cases on entities, a function for each NGSI-LD operation."""
