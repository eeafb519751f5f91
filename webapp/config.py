"""Settings from the environment, checked once. A wrong one is a sentence that says what to set."""

import argparse
import base64
import binascii
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

STRIPE_API = "https://api.stripe.com"
_CREDENTIALS = "CREDENTIALS_DIRECTORY", "/run/secrets"
"""Where systemd, and where Docker and Kubernetes, put the secrets that a vault gave them: a file each."""


class SettingsError(Exception):
    """One sentence per wrong setting."""


class Settings(BaseSettings):
    """`environment` is `production`, `development` or `demo`; only the first insists on strong secrets.

    Left out, it is production as soon as DATABASE_URL points at a real server.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    environment: str = Field("", validation_alias="DUESBOOK_ENVIRONMENT")
    data: Path = Field(Path(".duesbook"), validation_alias="DUESBOOK_DATA")
    database_url: str = Field("", validation_alias="DATABASE_URL")
    database_owner_url: str = Field("", validation_alias="DATABASE_OWNER_URL")
    backup_database_url: str = Field("", validation_alias="BACKUP_DATABASE_URL")
    redis_url: str = Field("", validation_alias="REDIS_URL")
    secret_key: str = Field("", validation_alias="SECRET_KEY")
    credential_keys: str = Field("", validation_alias="CREDENTIAL_KEYS")
    mail_url: str = Field("", validation_alias="MAIL_URL")
    public_url: str = Field("http://localhost:8000", validation_alias="PUBLIC_URL")
    proxies: int = Field(0, validation_alias="PROXIES")
    metrics_token: str = Field("", validation_alias="METRICS_TOKEN")
    sentry_dsn: str = Field("", validation_alias="SENTRY_DSN")
    api_calls_per_minute: int = Field(600, validation_alias="API_CALLS_PER_MINUTE", ge=1)
    log_level: str = Field("INFO", validation_alias="LOG_LEVEL")
    stripe_api_base: str = Field(STRIPE_API, validation_alias="STRIPE_API_BASE")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the environment does not have may be a file of that name."""
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, _credentials())

    @field_validator("public_url", "stripe_api_base")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("database_url", "database_owner_url", "backup_database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
            raise ValueError("must start with postgresql://")
        return value.replace("postgres://", "postgresql://", 1)

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        if value.startswith("redis+sentinel://"):
            if not re.fullmatch(r"redis\+sentinel://([^@/]*@)?[^@/?]+/[^/?]+(/\d+)?(\?[^?]*)?", value):
                raise ValueError("must read redis+sentinel://host:26379,host:26379/service")
        elif value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://")
        return value

    @field_validator("mail_url")
    @classmethod
    def _is_mail_server(cls, value: str) -> str:
        if value and not value.startswith(("smtp://", "smtps://")):
            raise ValueError("must start with smtp:// or smtps://")
        return value

    @model_validator(mode="after")
    def _production_has_secrets(self) -> "Settings":
        if not self.is_production:
            return self
        if len(self.secret_key) < 32:
            raise ValueError("SECRET_KEY must be set to at least 32 random characters")
        if not self.credential_keys:
            raise ValueError("CREDENTIAL_KEYS must be set to at least one base64 key of 32 bytes")
        if not self.public_url.startswith("https://"):
            raise ValueError("PUBLIC_URL must be the https:// address people use")
        for key in self.credential_keys.split(","):
            _check_key(key)
        return self

    @property
    def is_production(self) -> bool:
        return self.environment == "production" or (not self.environment and bool(self.database_url))

    @property
    def owner_url(self) -> str:
        """The role that owns the tables: for migrations and for restoring."""
        return self.database_owner_url or self.database_url

    @property
    def is_demo(self) -> bool:
        return self.environment == "demo"

    @property
    def test_mode(self) -> bool:
        """Whether payments go to a sandbox, which every page then says."""
        return self.stripe_api_base != STRIPE_API


def _check_key(key: str) -> None:
    try:
        size = len(base64.urlsafe_b64decode(key.strip() + "=" * (-len(key.strip()) % 4)))
    except (ValueError, binascii.Error):
        size = 0
    if size != 32:
        raise ValueError("each key in CREDENTIAL_KEYS must be 32 bytes in base64")


def from_command_line(arguments: Sequence[str]) -> dict[str, Any]:
    """What `flask duesbook up --demo --data DIR --port N` decides before anything starts."""
    words = list(arguments)
    if "up" not in words or words[words.index("up") - 1] != "duesbook":
        return {}
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--demo", action="store_true")
    options.add_argument("--data", type=Path)
    options.add_argument("--port", type=int, default=8000)
    chosen, _ = options.parse_known_args(words[words.index("up") + 1 :])
    found: dict[str, Any] = {"environment": "demo"} if chosen.demo else {}
    if chosen.data:
        found["data"] = chosen.data
    if "PUBLIC_URL" not in os.environ:
        found["public_url"] = f"http://localhost:{chosen.port}"
    return found


def load(**overrides: Any) -> Settings:
    """The settings of this process; SettingsError with a sentence when one is missing or wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        sentences = []
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            reason = problem["msg"].removeprefix("Value error, ")
            sentences.append(f"{name} {reason}.".strip())
        raise SettingsError(" ".join(sentences)) from None


def _credentials() -> Path | None:
    """The folder whose files stand in for settings that the environment does not have."""
    variable, usual = _CREDENTIALS
    folder = Path(os.environ.get(variable, usual))
    return folder if folder.is_dir() else None
