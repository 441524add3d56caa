"""The only HTTP client, and the guard of the addresses that it may call."""
