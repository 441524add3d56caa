"""MongoDB: the only input and output to the database."""
