"""A real mail server on a port of its own, that can be told to misbehave."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask


@dataclass
class Postmaster:
    """What arrived, in order. `dies_after_data` and `asks_to_wait` count how often it does so."""

    arrived: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    dies_after_data: int = 0
    asks_to_wait: int = 0
    while_arriving: Callable[[], None] = lambda: None

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:
        if address in self.unknown:
            return "550 5.1.1 No such mailbox"
        if self.asks_to_wait:
            self.asks_to_wait -= 1
            return "450 4.7.1 Greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.arrived.append(message)
        self.while_arriving()
        self.recipients += envelope.rcpt_tos
        if self.dies_after_data:
            self.dies_after_data -= 1
            server.transport.abort()
        return "250 OK"

    @property
    def message_ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.arrived]


class AnyPort(Controller):
    """The system picks a free port; aiosmtpd would knock at port 0 to see whether it is up."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mail_server() -> Iterator[tuple[Postmaster, str]]:
    postmaster = Postmaster()
    controller = AnyPort(postmaster, hostname="127.0.0.1", port=0)
    controller.start()
    yield postmaster, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def postmaster(app: Flask, mail_server: tuple[Postmaster, str]) -> Iterator[Postmaster]:
    """The application sends to this server during the test."""
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = settings.model_copy(update={"mail_url": mail_server[1]})
    yield mail_server[0]
    app.config["SETTINGS"] = settings
