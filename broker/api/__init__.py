"""The HTTP border: HTTP to typed requests, answers to HTTP. It has no rules of its own."""
