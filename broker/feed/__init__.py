"""Live feeds: who looks at a query is told of the entities that come, change and go."""
