"""The process that has loaded the product once and forks for each order that comes: see forks.py.

It never does any work itself. One byte on the control socket brings a conversation, standard input, output
and error and whatever else the new process shall have open. Over the conversation come the order, and back
the process id and, in the end, how it ended.
"""

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from webapp.app import create_app
from webapp.config import load

PROGRAMS = ["gunicorn.app.wsgiapp", "gunicorn.workers.gthread", "flask.cli", "webapp.web.patient_worker"]
PROGRAMS += ["webapp.workers.worker", "webapp.workers.schedule"]
MOST_FILES = 16
CLONE_NEWNET = 0x40000000


def load_everything() -> None:
    """An application too: what the first one of a process works out serves the next ones as well."""
    for program in PROGRAMS:
        __import__(program)
    nowhere = "postgresql://nobody:nothing@localhost:1/nothing"
    settings = load(
        environment="development",
        data=Path(os.devnull),
        database_url=nowhere,
        database_owner_url=nowhere,
        redis_url="redis://localhost:1/0",
        secret_key="a secret key that nobody ever uses",
        credential_keys=Fernet.generate_key().decode(),
        public_url="http://localhost",
    )
    create_app(settings)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Returns in the forked processes alone, which then run what was ordered and end as it ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    load_everything()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how the attendants end
    while True:
        byte, files, _, _ = socket.recv_fds(control, 1, MOST_FILES)
        if not byte:
            sys.exit()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            run(attend(control, files))
            return
        for file in files:
            os.close(file)


def attend(control: socket.socket, files: Sequence[int]) -> dict[str, Any]:
    """Between the one who ordered and the new process, whose parent it is. Returns in that one alone."""
    conversation = socket.socket(fileno=files[0])
    with conversation.makefile("r") as words:
        order: dict[str, Any] = json.loads(words.readline())
    child = os.fork()
    if child == 0:
        os.setsid()
        _open_only(files[1:])
        control.detach()
        conversation.detach()
        return order
    for file in files[1:]:
        os.close(file)
    with suppress(BrokenPipeError):
        conversation.sendall(b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        conversation.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _open_only(files: Sequence[int]) -> None:
    """These, numbered from 0 on."""
    high = [os.dup2(file, 200 + file) for file in files]
    for number, file in enumerate(high):
        os.dup2(file, number)
    os.closerange(len(files), 1024)


def run(order: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(order["environment"])
    if order["network"]:
        _move_to(order["network"])
    how, what, *arguments = order["arguments"]
    sys.argv = [what, *arguments]
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})


def _move_to(network: str) -> None:
    """As `ip netns exec` does."""
    with Path("/run/netns", network).open() as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "There is no way into the network", network)


if __name__ == "__main__":
    gc.disable()
    main()
