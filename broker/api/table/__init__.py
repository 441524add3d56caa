"""The rows of the operations table, a file for each group of resources."""
