"""Two worlds that must not know of each other. Each is made once, and put back for every test."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from tests.jobs import Silence
from tests.rows import Rows
from tests.web.world import World, make_world
from webapp.core import jobs as core_jobs
from webapp.core.db import db


@pytest.fixture(scope="session")
def made_once(application: Flask, rows: Rows) -> Callable[[str], World]:
    """A world of this name as it was when it had just been made, in the database and in the session."""
    made: dict[str, tuple[World, dict[str, bytes]]] = {}
    for name in ("Pi Chi", "Sigma Tau"):
        core_jobs.deliver_through(Silence())
        with application.app_context():
            world = make_world(name)
            db.session.expunge_all()
            db.session.remove()
        made[name] = world, rows.kept()
        rows.empty()

    def again(name: str) -> World:
        world, copied = made[name]
        rows.put_back(copied)
        return replace(
            world,
            organization=db.session.merge(world.organization, load=False),
            chapter=db.session.merge(world.chapter, load=False),
            logins={who: db.session.merge(login, load=False) for who, login in world.logins.items()},
            ids=dict(world.ids),
            links=dict(world.links),
        )

    return again


@pytest.fixture
def world(app: Flask, made_once: Callable[[str], World]) -> World:
    return made_once("Pi Chi")


@pytest.fixture
def elsewhere(app: Flask, made_once: Callable[[str], World]) -> World:
    return made_once("Sigma Tau")
