"""Operator commands: one module per topic, each a click group of the `flask` command."""

from importlib import import_module

from flask import Flask

TOPICS: list[str] = [
    "backup",
    "billing",
    "checkup",
    "distribution",
    "dues",
    "jobs",
    "ledger",
    "organizations",
    "payments",
    "people",
    "running",
]


def register(app: Flask) -> None:
    for topic in TOPICS:
        import_module(f"webapp.cli.{topic}").register(app)
