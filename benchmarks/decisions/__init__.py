"""The measurements behind docs/decisions: each module is a program, `python -m benchmarks.decisions.<name>`."""
