"""All settings: one frozen object, the sole reader of the environment, handed down as values."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from broker.errors import StartError

PREFIX = "NGSILD_"

Network = IPv4Network | IPv6Network


def _networks(value: Any) -> Any:
    """Comma-separated CIDRs to networks."""
    if isinstance(value, str):
        return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
    return value


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]


class Settings(BaseSettings):
    """Each field is the environment variable `NGSILD_<FIELD>` and the flag `--<field>` of `broker serve`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(1026, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=256, description="Worker processes, each with a listening socket of its own.")
    mongodb_uri: SecretStr | None = Field(
        None,
        description="Connection string of a MongoDB replica set or sharded cluster. Without one, the embedded MongoDB is started.",
    )
    database: str = Field(
        "ngsild",
        pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,19}$",
        description="Prefix of the names of the broker's databases.",
    )
    data_dir: Path = Field(
        Path("~/.local/share/ngsild-broker"), description="Where the embedded MongoDB keeps its data."
    )
    allowed_networks: Networks = Field(
        (),
        description="Comma-separated CIDRs that the broker may call besides public addresses; none: neither loopback nor private ones.",
    )
    tls_cert: Path | None = Field(None, description="PEM file with the server's certificate chain; serves HTTPS.")
    tls_key: Path | None = Field(None, description="PEM file with the certificate's key.")
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
    max_body: int = Field(16 * 2**20, ge=1024, description="Largest request body, in bytes.")
    max_depth: int = Field(32, ge=4, le=200, description="Deepest nesting of JSON in a request.")
    max_batch: int = Field(5000, ge=1, description="Most entities in one batch.")
    max_entity: int = Field(4 * 2**20, ge=1024, le=12 * 2**20, description="Largest stored entity, in bytes.")
    default_limit: int = Field(20, ge=1, description="Page size of lists when `limit` is absent.")
    max_limit: int = Field(1000, ge=1, description="Largest `limit`.")
    max_offset: int = Field(100_000, ge=0, description="Largest `offset`.")
    request_timeout: float = Field(
        30.0, gt=0, description="Seconds until a request that still waits is answered with 503."
    )
    context_timeout: float = Field(5.0, gt=0, description="Seconds until the fetch of a remote @context is given up.")
    context_max_size: int = Field(2**20, ge=1024, description="Largest remote @context, in bytes.")
    context_max_depth: int = Field(8, ge=1, le=32, description="Deepest nesting of remote @contexts.")
    context_cache: int = Field(512, ge=8, description="Contexts kept in memory, by each worker.")
    mongodb_cache_mb: int | None = Field(
        None, ge=256, description="Cache of the embedded MongoDB, in MiB; a quarter of the machine's memory if absent."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("NGSILD_TLS_CERT and NGSILD_TLS_KEY go together")
        if self.default_limit > self.max_limit:
            raise ValueError("NGSILD_DEFAULT_LIMIT is larger than NGSILD_MAX_LIMIT")
        return self


def load(**flags: Any) -> Settings:
    """The settings of this process: the environment, overridden by the flags that are not None.

    Raises StartError for an unknown `NGSILD_` variable or an unusable value, naming it.
    """
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known and not variable.startswith(PREFIX + "TEST_"):
            raise StartError(
                f"The environment variable {variable} is no setting of the broker.",
                "Unset it, or correct its name: `broker serve --help` lists the settings.",
            )
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else "The settings"
        raise StartError(f"{name}: {first['msg']}.", "`broker serve --help` says what each setting takes.") from None
