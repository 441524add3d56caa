"""All settings: one frozen object, the sole reader of the environment, handed down as values.

`python -m broker.settings > docs/settings.md` writes their page in the documentation.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from broker.errors import StartError

PREFIX: Final = "NGSILD_"
TEST_PREFIX: Final = "NGSILD_TEST_"
"""Variables of the test suite and of no setting."""

Network = IPv4Network | IPv6Network


def _networks(value: Any) -> Any:
    """Comma-separated CIDRs to networks."""
    if isinstance(value, str):
        return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
    return value


def _mongodb_uri(value: Any) -> Any:
    """A connection string, told apart from a bare host. The message must not repeat it: it can hold a password."""
    if isinstance(value, str) and not value.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("a connection string begins with mongodb:// or mongodb+srv://")
    return value


def _path(value: Path) -> Path:
    """Absolute, `~` expanded: it means the same in every process."""
    try:
        return value.expanduser().resolve()
    except (RuntimeError, OSError) as error:
        raise ValueError(f"{value}: {error}") from None


_ORIGIN: Final = re.compile(r"https?://[^\s/?#@,'\"\\]+", re.ASCII)


def _origins(value: Any) -> Any:
    """Comma-separated origins."""
    if not isinstance(value, str):
        return value
    origins = tuple(part.strip() for part in value.split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not (origin.isascii() and origin == origin.lower() and _ORIGIN.fullmatch(origin)):
            raise ValueError(f"{origin} is no origin: scheme://host or scheme://host:port in lower case, and no path")
    return origins


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Location = Annotated[Path, AfterValidator(_path)]
MongoURI = Annotated[SecretStr, BeforeValidator(_mongodb_uri)]


class Settings(BaseSettings):
    """Each field is the environment variable `NGSILD_<FIELD>` and the flag `--<field>` of `broker serve`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", validate_default=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(1026, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=256, description="Worker processes, each with a listening socket of its own.")
    mongodb_uri: MongoURI | None = Field(
        None,
        description="Connection string of a MongoDB replica set or sharded cluster. "
        "Without one, the embedded MongoDB is started.",
    )
    database: str = Field(
        "ngsild",
        pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,19}$",
        description="Prefix of the names of the broker's databases.",
    )
    data_dir: Location = Field(
        Path("~/.local/share/ngsild-broker"), description="Where the embedded MongoDB keeps its data."
    )
    mongodb_cache_mb: int | None = Field(
        None, ge=256, description="Cache of the embedded MongoDB, in MiB; a quarter of the machine's memory if absent."
    )
    allowed_networks: Networks = Field(
        (),
        description="Comma-separated CIDRs that the broker may call besides public addresses; "
        "none: neither loopback nor private ones.",
    )
    tls_cert: Location | None = Field(None, description="PEM file with the server's certificate chain; serves HTTPS.")
    tls_key: Location | None = Field(None, description="PEM file with the certificate's key.")
    admin_token: SecretStr | None = Field(None, description="Bearer token of `/admin/v1`, which is off without one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="JSON lines for machines, or coloured lines for people."
    )
    access_log: Literal["all", "errors", "none"] = Field(
        "errors", description="Requests that are logged: all, those answered with a 5xx status, or none."
    )
    cors_origins: Origins = Field(
        (),
        description="Comma-separated origins of web pages that may call the broker (CORS), such as "
        "`https://city.example`; `*`: all of them.",
    )
    gzip_min_size: int = Field(
        1024, ge=0, description="Smallest answer, in bytes, that is sent in gzip to who accepts it; 0: none is."
    )
    max_body: int = Field(16 * 2**20, ge=1024, description="Largest request body, in bytes.")
    max_depth: int = Field(32, ge=4, le=200, description="Deepest nesting of JSON in a request.")
    max_batch: int = Field(5000, ge=1, description="Most entities in one batch.")
    max_entity: int = Field(4 * 2**20, ge=1024, le=12 * 2**20, description="Largest stored entity, in bytes.")
    max_tenants: int = Field(
        1000,
        ge=0,
        description="Most tenants besides the default one that are made by creating something in them; "
        "`broker tenants create` makes more.",
    )
    default_limit: int = Field(20, ge=1, description="Page size of lists when `limit` is absent.")
    max_limit: int = Field(1000, ge=1, description="Largest `limit`.")
    max_offset: int = Field(100_000, ge=0, description="Largest `offset`.")
    max_examined: int = Field(
        100_000, ge=1000, description="Most entities that one query looks at one by one, where no index decides."
    )
    max_sorted: int = Field(10_000, ge=1, description="Most entities that one query puts in another order.")
    queries_in_flight: int = Field(
        4,
        ge=1,
        le=64,
        description="Queries that the database works on at once, for each worker, and half as many more for pages "
        "of more than 200 entities; others wait in turn.",
    )
    max_join_level: int = Field(5, ge=1, le=32, description="Largest `joinLevel`.")
    max_linked: int = Field(1000, ge=1, description="Most linked entities that `join` adds to one answer.")
    temporal_limit: int = Field(
        10_000,
        ge=1,
        description="Most attribute instances in one answer of a temporal query; more come with further requests.",
    )
    max_entity_map: int = Field(
        100_000, ge=1, le=500_000, description="Most entities in an entity map; a query with more is refused one."
    )
    entity_map_lifetime: float = Field(
        600.0, gt=0, le=86_400, description="Seconds that an entity map lives if `entityMapLifetime` is absent."
    )
    max_entity_map_lifetime: float = Field(
        86_400.0, gt=0, le=31 * 86_400, description="Most seconds that an entity map lives."
    )
    render_cache_mb: int = Field(
        32,
        ge=0,
        le=4096,
        description="Memory for entities kept as JSON for later pages, in MiB, by each worker.",
    )
    request_timeout: float = Field(
        30.0, gt=0, description="Seconds until a request that still waits is answered with 503."
    )
    default_context: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="URL of the @context of requests that name none; without one, that is the core @context.",
    )
    context_timeout: float = Field(5.0, gt=0, description="Seconds until the fetch of a remote @context is given up.")
    context_max_size: int = Field(2**20, ge=1024, description="Largest remote @context, in bytes.")
    context_max_depth: int = Field(8, ge=1, le=32, description="Deepest nesting of remote @contexts.")
    notification_timeout: float = Field(
        5.0, gt=0, le=60, description="Seconds that an endpoint has to answer a notification, unless it says otherwise."
    )
    notification_patience: float = Field(
        3600.0,
        ge=0,
        description="Seconds that a notification is tried again for when it fails; then it is a dead letter.",
    )
    dead_letter_days: float = Field(7.0, gt=0, description="Days that dead letters are kept.")
    feed_viewers: int = Field(
        1000, ge=0, description="Most viewers of live feeds, for each worker; others are answered with 503."
    )
    feed_heartbeat: float = Field(
        15.0, gt=0, le=300, description="Seconds without an event after which a live feed shows that it is alive."
    )
    feed_window: float = Field(
        86_400.0,
        gt=0,
        description="Seconds after which a viewer that comes back to a live feed begins anew, though MongoDB's oplog "
        "may reach back further.",
    )
    feed_queue_mb: int = Field(
        64,
        ge=1,
        le=65_536,
        description="Memory for events that wait for slow viewers, in MiB, for each worker; the slowest lose theirs "
        "and begin anew.",
    )
    feed_entities: int = Field(
        500_000,
        ge=0,
        description="Most entities that live feeds remember to show, for each worker; beyond them, feeds tell of "
        "entities that leave without knowing that they were shown.",
    )
    sweep_interval: float = Field(
        10.0, gt=0, description="Seconds between two sweeps of expired entities and attributes."
    )
    history: Literal["all", "changes", "off"] = Field(
        "all",
        description="What is recorded in history, where no rule says otherwise: all that is written, "
        "only what differs from what was there, or nothing.",
    )
    history_retention: str = Field(
        "",
        pattern=r"^(P[1-9]\d{0,4}[YMWD])?$",
        description="How long history is kept, where no rule says otherwise, such as `P13M`; without one for ever.",
    )
    history_seal_commits: int = Field(
        200, ge=1, le=1000, description="Commits to an entity after which its history is sealed into compact blocks."
    )
    history_seal_seconds: float = Field(
        86_400, gt=0, description="Seconds after which history is sealed at the latest."
    )
    history_interval: float = Field(
        30.0, gt=0, description="Seconds between two looks for history to seal, or past its retention."
    )
    max_contexts: int = Field(1000, ge=0, description="Most @contexts that one tenant hosts.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#\"<>\\]+[^\s?#\"<>\\/])?$",
        description="Address under which clients reach the broker, for the URLs of @contexts that it hosts; "
        "without one, it is as each request names it in `Host`.",
    )
    context_cache: int = Field(512, ge=8, description="Contexts kept in memory, by each worker.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("NGSILD_TLS_CERT and NGSILD_TLS_KEY go together: give both or neither")
        if self.default_limit > self.max_limit:
            raise ValueError("NGSILD_DEFAULT_LIMIT is larger than NGSILD_MAX_LIMIT")
        return self


def load(**flags: Any) -> Settings:
    """The settings of this process: the environment, overridden by the flags that are neither None nor empty.

    Raises StartError for an unknown `NGSILD_` variable or an unusable value, naming it.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings(**{name: value for name, value in flags.items() if value not in (None, "")})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = f"{variable(str(first['loc'][0]))}: " if first["loc"] else ""
        reason = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise StartError(
            f"{where}{reason}.",
            "Correct the variable or the flag: `broker serve --help` says what each setting takes.",
        ) from None


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def flag(field: str) -> str:
    """The flag of a setting."""
    return "--" + field.replace("_", "-")


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with every setting spelled out, so that another process loads the same settings."""
    own = {name: value for name, value in os.environ.items() if not _means_setting(name)}
    given = {variable(field): _text(getattr(settings, field)) for field in Settings.model_fields}
    return own | {name: text for name, text in given.items() if text}


def _means_setting(name: str) -> bool:
    return name.upper().startswith(PREFIX) and not name.startswith(TEST_PREFIX)


def _refuse_unknown(names: Iterable[str]) -> None:
    known = [variable(field) for field in Settings.model_fields]
    for name in sorted(names):
        if _means_setting(name) and name not in known:
            near = get_close_matches(name.upper(), known, n=1)
            meant = f"{near[0]} is one" if near else "`broker serve --help` lists them"
            raise StartError(
                f"The environment variable {name} is no setting of the broker.",
                f"Unset it, or correct its name: {meant}.",
            )


def _text(value: Any) -> str:
    """A value as an environment variable says it; empty for none."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


class Row(NamedTuple):
    """One setting, as its documentation says it."""

    field: str
    takes: str
    default: str
    description: str


def rows() -> list[Row]:
    """Every setting, in the order of the class; what it takes is `text`, `integer`, `path`, `json|console` …"""
    return [
        Row(name, _takes(field.annotation), _text(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


_TAKES: Final[Mapping[Any, str]] = {int: "integer", float: "number", Path: "path", SecretStr: "text", str: "text"}


def _takes(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    if annotation in _TAKES:
        return _TAKES[annotation]
    known = [_takes(part) for part in get_args(annotation) if part is not type(None)]
    return known[0] if known else "text"


def table() -> str:
    """The settings as a table in Markdown: variable, flag, what it takes, default, meaning."""
    lines = ["| Variable | Flag | Takes | Default | Meaning |", "|---|---|---|---|---|"]
    for row in rows():
        takes = row.takes.replace("|", ", ")
        default = f"`{row.default}`" if row.default else ""
        lines.append(f"| `{variable(row.field)}` | `{flag(row.field)}` | {takes} | {default} | {row.description} |")
    return "\n".join(lines) + "\n"


_PAGE: Final = """\
# Settings

Each setting is an environment variable and a flag of `broker serve`; the flag prevails. An empty variable counts as
absent. An unknown variable that begins with `NGSILD_` stops the start, so that a misspelt one is not overlooked.
Kubernetes makes such variables for a Service whose name begins with `ngsild`: set `enableServiceLinks: false`.

{table}"""


def page() -> str:
    """The page `docs/settings.md`."""
    return _PAGE.format(table=table())


if __name__ == "__main__":
    sys.stdout.write(page())
