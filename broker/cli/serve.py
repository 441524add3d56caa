"""`broker serve`: start everything, say where it is, keep it running, end it in order."""

import asyncio
import hashlib
import resource
import shutil
import ssl
import subprocess
import sys
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import SecretStr
from pymongo.errors import PyMongoError
from rich.text import Text

from broker import names, telemetry
from broker import settings as configuration
from broker.cli import console, sockets
from broker.cli.options import takes_settings
from broker.cli.supervisor import Signals, Stopping, Supervisor
from broker.errors import StartError
from broker.settings import Settings
from broker.store import children, health
from broker.store.client import connect
from broker.store.embedded import EmbeddedMongoDB, runtime_folder

OPEN_FILES: Final = 2**20
"""Open files that the broker and mongod may have, if the system lets them: a tenant takes 28 of mongod's."""


class SampleCity(StrEnum):
    """Sizes of the sample city."""

    HAMLET = "hamlet"
    TOWN = "town"
    CITY = "city"


def serve(sample_city: SampleCity | None = None, **flags: Any) -> None:
    """Serve NGSI-LD.

    Each option but --sample-city is also an environment variable: --port is NGSILD_PORT, and the option prevails.
    """
    settings = configuration.load(**flags)
    telemetry.configure_logging(settings.log_level, settings.log_format)
    _raise_open_files()
    with Signals() as signals, ExitStack() as ends:
        try:
            supervisor = _start(settings, signals, ends)
            _announce(settings)
            if sample_city is not None:
                ends.callback(children.end, _animate(sample_city, settings), patience=5)
            supervisor.keep()
        except Stopping:
            pass
        console.err.print("Ending; Ctrl-C once more hastens it.")


def _start(settings: Settings, signals: Signals, ends: ExitStack) -> Supervisor:
    """Every step of the start in order; `ends` undoes them in reverse. Raises StartError or Stopping."""
    _check_tls(settings)
    sockets.check_free(settings.host, settings.port)
    _warn_of_exposure(settings)
    database = None
    if settings.mongodb_uri is not None:
        uri = settings.mongodb_uri.get_secret_value()
        _check_uri(uri)
        asyncio.run(_check_topology(uri))
    else:
        database = EmbeddedMongoDB(settings.data_dir, cache_mb=settings.mongodb_cache_mb)
        database.start(pause=signals.pause)
        ends.callback(database.stop, hasten=lambda: signals.requests > 1)
        settings = settings.model_copy(update={"mongodb_uri": SecretStr(database.uri)})
    environment = configuration.environment(settings)
    if settings.workers > 1:
        environment[telemetry.SHARED_DIRECTORY] = str(_fresh_metrics_folder(settings))
    supervisor = Supervisor(signals, settings.workers, environment, database)
    ends.callback(supervisor.stop)
    supervisor.start()
    return supervisor


def _raise_open_files() -> None:
    """Raise this process's limit of open files, which its children inherit, as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_uri(uri: str) -> None:
    """Raise StartError unless it is a connection string; nothing is connected."""
    try:
        connect(uri)
    except (ValueError, TypeError, PyMongoError) as error:
        raise StartError(
            f"NGSILD_MONGODB_URI cannot be used: {str(error).rstrip('.')}.",
            "Correct it; it looks like mongodb://user:password@host1,host2,host3/?replicaSet=name.",
        ) from None


async def _check_topology(uri: str) -> None:
    """Raise StartError for a mongod that runs alone; one that does not answer is waited for while the broker serves."""
    async with connect(uri) as client:
        try:
            alone = health.is_alone(await client.admin.command("hello"))
        except PyMongoError:
            return
    if alone:
        raise StartError(health.ALONE.says, health.ALONE.advice)


def _check_tls(settings: Settings) -> None:
    if settings.tls_cert is None or settings.tls_key is None:
        return
    for name, path in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
        try:
            path.open("rb").close()
        except OSError as error:
            raise StartError(
                f"{configuration.variable(name)}: {path} cannot be read: {error.strerror}.",
                "Give a PEM file that the broker's user may read.",
            ) from None
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except ssl.SSLError as error:
        raise StartError(
            f"{settings.tls_cert} and {settings.tls_key} do not serve TLS: {error.reason or error}.",
            "Give a certificate chain and its unencrypted key, both PEM.",
        ) from None


def _warn_of_exposure(settings: Settings) -> None:
    if not sockets.is_loopback(settings.host):
        console.warn(
            f"the broker listens on {settings.host} and asks nobody who they are: anybody who reaches port "
            f"{settings.port} can read, change and delete everything. Keep it behind a firewall or a proxy that "
            "authenticates."
        )


def _fresh_metrics_folder(settings: Settings) -> Path:
    """An empty folder where the workers' counts meet; one for each address, so that none is left behind."""
    address = hashlib.sha256(f"{settings.host}:{settings.port}".encode()).hexdigest()[:16]
    folder = runtime_folder() / f"metrics-{address}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def _url(settings: Settings) -> str:
    return sockets.url(settings.host, settings.port, tls=settings.tls_cert is not None)


def _announce(settings: Settings) -> None:
    workers = "1 worker" if settings.workers == 1 else f"{settings.workers} workers"
    database = f"the embedded MongoDB in {settings.data_dir}" if settings.mongodb_uri is None else "your MongoDB"
    address = f"{_url(settings)}{names.API_ROOT}"
    console.out.print(Text.assemble("Serving NGSI-LD at ", (address, "bold green"), f": {workers}, {database}."))
    console.out.print("Ctrl-C ends it.")


def _animate(size: SampleCity, settings: Settings) -> subprocess.Popen[bytes]:
    """Load the sample city into an empty broker and keep it moving, in a process of its own that says what it does."""
    command = [sys.executable, "-m", "broker", "city", size.value, "--url", _url(settings), "--if-empty", "--live"]
    if settings.tls_cert is not None:
        command += ["--certificate", str(settings.tls_cert)]
    return children.spawn(command)


_CITY: Final = typer.Option(
    "--sample-city", help="Load a sample city of this size if the database is empty, and keep it moving."
)
command: Final = takes_settings(serve, {"sample_city": Annotated[SampleCity | None, _CITY]})
