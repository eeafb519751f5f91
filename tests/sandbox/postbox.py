"""A web server that receives webhooks and answers what the test wants."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Letter:
    body: bytes
    signature: str

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class Postbox:
    letters: list[Letter] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Statuses for the next deliveries; 200 once they are used up."""
    url: str = ""

    @property
    def types(self) -> list[str]:
        return [letter.event["type"] for letter in self.letters]

    def __enter__(self) -> "Postbox":
        postbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                postbox.letters.append(Letter(body, self.headers["Stripe-Signature"]))
                self.send_response(postbox.answers.pop(0) if postbox.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
