"""The HTTP border: requests to typed values, use cases' results to answers. No rules of its own."""
