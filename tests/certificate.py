"""A certificate for localhost that nobody vouches for."""

import subprocess
from pathlib import Path


def certify(folder: Path) -> tuple[Path, Path]:
    """The files of the certificate and of its key, made unless they are there."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if not key.exists():
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        files = ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*request, *subject, *files], check=True, capture_output=True)
    return certificate, key
