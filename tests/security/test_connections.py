"""What leaves this machine: to whom, and never in the clear when it is a secret."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import create_engine, make_url

from webapp import wiring
from webapp.adapters.redis_connection import open_redis
from webapp.adapters.smtp_mailer import MailServer
from webapp.adapters.stripe_gateway import StripeGateway
from webapp.config import load
from webapp.core import checkup, clock, connections
from webapp.core.checkup import Mark
from webapp.domain.payments.gateway import GatewayUnavailable


@pytest.mark.parametrize(
    ("url", "encrypted"),
    [
        ("smtps://dues:secret@mail.example.org", True),
        ("smtp://dues:secret@mail.example.org:587", True),
        ("smtp://mail.example.org?starttls", True),
        ("smtp://127.0.0.1:25", False),
    ],
)
def test_a_mail_servers_password_is_never_sent_in_the_clear(url: str, encrypted: bool) -> None:
    server = MailServer.at(url)
    assert (server.tls or server.starttls) is encrypted
    assert not (server.tls and server.starttls)


@pytest.mark.parametrize(
    ("address", "mark"),
    [
        ("postgresql://app:secret@10.0.0.40/duesbook", Mark.ACT),
        ("postgresql://app:secret@db.example.org/duesbook?sslmode=prefer", Mark.ACT),
        ("postgresql://app:secret@127.0.0.1,10.0.0.41:5432/duesbook", Mark.ACT),
        ("postgresql://app:secret@db.example.org/duesbook?sslmode=verify-full", Mark.GOOD),
        ("postgresql://app:secret@localhost:5433/duesbook", Mark.GOOD),
        ("postgresql://app@/duesbook?host=/run/postgresql", Mark.GOOD),
        ("postgresql://app@/duesbook?host=10.0.0.40", Mark.ACT),
        ("postgresql://app:secret@postgres/duesbook", Mark.LOOK),
        ("redis://:secret@10.0.0.41:6379/0", Mark.ACT),
        ("rediss://:secret@10.0.0.41:6379/0", Mark.GOOD),
        ("redis://[::1]:6379/0", Mark.GOOD),
        ("redis://[2001:db8::1]:6379/0", Mark.ACT),
        ("unix:///run/valkey.sock", Mark.GOOD),
        ("redis+sentinel://:secret@127.0.0.1:26379,10.0.0.42:26379/duesbook/0", Mark.ACT),
        ("smtp://mail.example.org:25", Mark.ACT),
        ("smtp://mail.example.org:25?starttls", Mark.GOOD),
        ("smtp://dues:secret@mail.example.org:587", Mark.GOOD),
        ("smtps://mail.example.org", Mark.GOOD),
        ("", Mark.GOOD),
    ],
)
def test_a_server_on_another_machine_that_is_spoken_to_in_the_clear_is_named(
    address: str, mark: Mark
) -> None:
    line = connections.line({"THIS_URL": address, "OTHER_URL": ""})
    assert line.mark is mark
    assert ("THIS_URL" in line.said) is (mark is not Mark.GOOD)
    assert "secret" not in line.said


def test_the_operators_check_has_a_line_about_connections_and_one_about_libraries(app: Flask) -> None:
    lines = {line.subject: line for line in wiring.installation_checkup()}
    assert lines["Connections"].mark is Mark.GOOD
    assert lines["Libraries"].said.startswith("Their versions were chosen on 20")


@pytest.mark.parametrize(
    ("days", "mark"), [(0, Mark.GOOD), (34, Mark.GOOD), (40, Mark.LOOK), (101, Mark.ACT)]
)
def test_libraries_that_nobody_renewed_for_long_are_named(days: int, mark: Mark) -> None:
    assert checkup.libraries(clock.now().date() - timedelta(days=days)).mark is mark


def test_postgresql_and_redis_may_know_us_by_certificates_in_the_place_of_passwords() -> None:
    postgres = (
        "postgresql+psycopg://duesbook_app@db.example.org/duesbook?sslmode=verify-full&sslcert=a&sslkey=b"
    )
    _, given = create_engine(postgres).dialect.create_connect_args(make_url(postgres))
    assert (given["sslcert"], given["sslkey"], "password" in given) == ("a", "b", False)
    redis = open_redis("rediss://cache.example.org?ssl_certfile=a&ssl_keyfile=b&ssl_ca_certs=c")
    options = redis.connection_pool.connection_kwargs
    assert (options["ssl_certfile"], options["ssl_keyfile"], options["ssl_ca_certs"]) == ("a", "b", "c")


def test_secrets_are_read_from_the_files_that_a_vault_or_systemd_puts_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SECRET_KEY", "CREDENTIAL_KEYS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "SECRET_KEY").write_text("kept in a vault\n")
    (tmp_path / "credential_keys").write_text("also kept there")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    found = load(environment="development")

    assert (found.secret_key, found.credential_keys) == ("kept in a vault", "also kept there")
    monkeypatch.setenv("SECRET_KEY", "of the environment")
    assert load(environment="development").secret_key == "of the environment"


class Elsewhere(BaseHTTPRequestHandler):
    """Sends whoever asks on to its own address, and notes what it was asked."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(307)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[str]:
    Elsewhere.asked = []
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_no_redirect_leads_a_processors_key_anywhere_else(elsewhere: str) -> None:
    with pytest.raises(GatewayUnavailable):
        StripeGateway("sk_test_key", api_base=elsewhere).test_connection()
    assert Elsewhere.asked and "/elsewhere" not in Elsewhere.asked
