"""What leaves this machine: to whom, and never in the clear when it is a secret."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from webapp.adapters.smtp_mailer import MailServer
from webapp.adapters.stripe_gateway import StripeGateway
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
