"""The sandbox as a web server: its own Flask app, in a thread for tests or in the foreground for the demo."""

import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, jsonify
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from webapp.sandbox import api, control, dashboard, hosted_page
from webapp.sandbox.errors import StripeError
from webapp.sandbox.processor import Processor
from webapp.sandbox.store import Store

POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"


def create_sandbox(store: Store, *, public_url: str) -> Flask:
    """`public_url` is where payers' browsers reach it."""
    processor = Processor(store, public_url=public_url)
    app = Flask(__name__)
    app.extensions["processor"] = processor
    for part in (api, control, hosted_page, dashboard):
        app.register_blueprint(part.blueprint(processor))

    @app.get("/health")
    def health() -> Response:
        return jsonify(ok=True)

    @app.errorhandler(StripeError)
    def refused(error: StripeError) -> tuple[Response, int]:
        return jsonify(error.body), error.status

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-store"
        return response

    processor.start()
    return app


class Handler(WSGIRequestHandler):
    """Keeps connections open and answers at once; says nothing on the console."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: object) -> None:
        return


@dataclass
class RunningSandbox:
    """`stop()` ends it; what it remembers stays in its state file."""

    url: str
    app: Flask
    _server: BaseWSGIServer
    _store: Store

    @property
    def processor(self) -> Processor:
        processor: Processor = self.app.extensions["processor"]
        return processor

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.processor.stop()
        self._store.close()


def open_sandbox(
    port: int = 0, state: str | Path | None = None, *, host: str = "127.0.0.1", public_url: str = ""
) -> RunningSandbox:
    """Bound to its port, not yet serving. Port 0 takes a free one."""
    listening = socket.create_server((host, port), backlog=128)
    url = f"http://{host}:{listening.getsockname()[1]}"
    store = Store(state)
    app = create_sandbox(store, public_url=public_url or url)
    server = make_server(host, port, app, threaded=True, request_handler=Handler, fd=listening.fileno())
    listening.close()
    return RunningSandbox(url, app, server, store)


def start_sandbox(port: int = 0, state: str | Path | None = None) -> RunningSandbox:
    """A sandbox in a background thread of this process, for tests."""
    sandbox = open_sandbox(port, state)
    threading.Thread(target=sandbox.serve, name="sandbox-server", daemon=True).start()
    return sandbox
