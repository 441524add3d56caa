"""Data models: what entities of a type must look like, and rules of tenants that hold them to it."""
