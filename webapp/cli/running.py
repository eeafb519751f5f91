"""`flask duesbook …`: everything under one parent, and the schema."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from types import FrameType

import click
from flask import Flask
from flask.cli import AppGroup

from webapp import wiring
from webapp.adapters import schema
from webapp.cli.output import says_why
from webapp.config import Settings
from webapp.core import tenancy
from webapp.demo import bank_news, connection
from webapp.demo import seed as seeding
from webapp.domain.organizations import Organization

DEMO_SLUG = "pi-chi-fraternity"

duesbook = AppGroup("duesbook", help="Run and look after this installation.")


def register(app: Flask) -> None:
    app.cli.add_command(duesbook)


@duesbook.command()
@click.option("--demo", is_flag=True, help="With a demo organization and a sandbox processor.")
@click.option("--port", default=8000, show_default=True)
@click.option("--data", type=click.Path(), help="The data folder.")
def up(demo: bool, port: int, data: str | None) -> None:
    """Web server, worker and scheduler under one parent; Ctrl-C stops all of them."""
    settings = wiring.settings()
    _refuse_taken(port)
    if settings.owner_url:
        schema.upgrade(settings.owner_url)
    household = Household(_environment(settings))
    sandbox_port = port + 1
    sandbox = f"http://localhost:{sandbox_port}"
    if demo:
        _refuse_taken(sandbox_port)
        household.environment["STRIPE_API_BASE"] = sandbox
        household.start("sandbox", "-m", "webapp.sandbox", *_sandbox(sandbox_port, sandbox, settings))
        _wait_for(sandbox_port)
        household.run_once("-m", "flask", "duesbook", "seed")
    household.start("web", "-m", "gunicorn", *_gunicorn(port))
    household.start("worker", "-m", "webapp.workers", "now", "mail", "bulk")
    household.start("bulk worker", "-m", "webapp.workers", "bulk", "mail", "now")
    household.start("scheduler", "-m", "webapp.workers.schedule")
    _wait_for(port)
    click.echo(f"Duesbook is at http://localhost:{port}  (Ctrl-C stops it)")
    if demo:
        click.echo("Sign in with one click as national admin, treasurer, auditor or member.")
        click.echo(f"Its mails: http://localhost:{port}/mailbox/ · its payment processor: {sandbox}")
    raise SystemExit(household.keep())


@duesbook.command()
@click.option("--members", type=click.IntRange(10, 50_000), help="Default: the 1,357 of the demo's roster.")
@click.option("--chapters", type=click.IntRange(1, 500), help="Default: the roster's 24.")
@click.option("--years", type=click.IntRange(1, 20), default=2, show_default=True, help="Years of history.")
@click.option("--seed", default=seeding.SEED, show_default=True, help="Another number tells another story.")
@click.option("--reset", is_flag=True, help="Throw the demo away first. Refused outside of the demo.")
@says_why
def seed(members: int | None, chapters: int | None, years: int, seed: int, reset: bool) -> None:
    """A reproducible demo organization. Does nothing when there is one."""
    settings = wiring.settings()
    if reset:
        _throw_away(settings)
    organization = Organization.by_slug(DEMO_SLUG)
    if organization is None:
        wanted = seeding.Seeding(members=members, chapters=chapters, years=years, seed=seed, tell=click.echo)
        organization = wanted.run()
        click.echo(f"{organization.name} is ready.")
    if settings.test_mode:
        connection.connect(organization)
        with tenancy.acting_for(organization.id):
            bank_news.tell(organization)


def _throw_away(settings: Settings) -> None:
    if not settings.is_demo:
        raise click.ClickException("Only a demo can be reset. This is not one.")
    schema.recreate(settings.owner_url)


@duesbook.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = wiring.settings()
    schema.upgrade(settings.owner_url)


def _sandbox(port: int, address: str, settings: Settings) -> list[str]:
    state = settings.data / "sandbox.sqlite"
    return ["--port", str(port), "--public-url", address, "--state", str(state)]


def _gunicorn(port: int) -> list[str]:
    return ["--config", "python:webapp.web.serving", "--bind", f"127.0.0.1:{port}", "wsgi:application"]


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as children read them, so that none starts servers of its own."""
    return os.environ | {
        "FLASK_APP": "wsgi",
        "DUESBOOK_ENVIRONMENT": settings.environment or "development",
        "DUESBOOK_DATA": str(settings.data),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "BACKUP_DATABASE_URL": settings.backup_database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "CREDENTIAL_KEYS": settings.credential_keys,
        "PUBLIC_URL": settings.public_url,
        "MAIL_URL": settings.mail_url,
        "METRICS_TOKEN": settings.metrics_token,
        "STRIPE_API_BASE": settings.stripe_api_base,
    }


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise click.ClickException(
                f"Port {port} is in use. Stop what runs there, or choose another: make demo PORT={port + 10}"
            ) from None


def _wait_for(port: int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise click.ClickException(f"Nothing answers on port {port}; the lines above say why.")


@dataclass
class Household:
    """Children that live and die together: when one ends, or we are told to stop, all of them stop."""

    environment: dict[str, str]
    children: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        self.children[name] = subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, start_new_session=True
        )

    def run_once(self, *arguments: str) -> None:
        if subprocess.run([sys.executable, *arguments], env=self.environment, check=False).returncode:
            self.stop()
            raise click.ClickException("The demo organization could not be made; the lines above say why.")

    def keep(self) -> int:
        """Wait until a child ends by itself or a signal comes; then stop everybody. The exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        try:
            while True:
                for name, child in self.children.items():
                    if child.poll() is not None:
                        click.echo(f"The {name} ended ({child.returncode}); stopping everything.", err=True)
                        return 1
                time.sleep(0.5)
        except KeyboardInterrupt:
            return 0
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop everybody, also when the person at the keyboard presses Ctrl-C again meanwhile."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        for child in self.children.values():
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
