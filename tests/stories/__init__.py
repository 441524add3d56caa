"""The cities' use cases, told from end to end on the sample city."""
