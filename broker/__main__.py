"""`python -m broker` is the command `broker`."""

from broker.cli import app

if __name__ == "__main__":
    app()
