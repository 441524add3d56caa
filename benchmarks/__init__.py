"""How fast the broker is, beside what HTTP and MongoDB allow on the same machine: `python -m benchmarks`.

See docs/benchmarks.md.
"""
