"""Runs ETSI's conformance suite, a Robot Framework project, against a broker, and tabulates what passed.

    python -m tests.conformance.etsi SUITE URL [AREA …] --python PYTHON --out results.json

The suite is never modified: a copy is staged, in which the remote @contexts of its fixtures point to a server on the
loopback interface, so that neither suite nor broker needs the internet. URLs of the core @context are left alone.
`worker.py` and `mosquitto.py` are run by the suite's own Python; they use nothing but it.
"""
