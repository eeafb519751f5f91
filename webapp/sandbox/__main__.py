"""`python -m webapp.sandbox --port 4242 --state sandbox.sqlite3`"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from webapp.sandbox.server import open_sandbox


def main() -> int:
    options = _options()
    try:
        sandbox = open_sandbox(options.port, options.state, host=options.host, public_url=options.public_url)
    except OSError:
        sys.stderr.write(f"Port {options.port} is in use or not allowed. Choose another one with --port.\n")
        return 1
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    threading.Thread(target=sandbox.serve, name="sandbox-server", daemon=True).start()
    sys.stdout.write(f"Sandbox payment processor: {sandbox.url}\n")
    sys.stdout.flush()
    ended.wait()
    sandbox.stop()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m webapp.sandbox", description="A payment processor that charges nobody."
    )
    parser.add_argument("--port", type=int, default=4242, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", type=Path, help="file that keeps everything; without it a restart forgets")
    parser.add_argument("--public-url", default="", help="where browsers reach it, when that differs")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
