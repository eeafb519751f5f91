"""Two worlds that must not know of each other."""

import pytest
from flask import Flask

from tests.web.world import World, make_world


@pytest.fixture
def world(app: Flask) -> World:
    return make_world("Pi Chi")


@pytest.fixture
def elsewhere(app: Flask) -> World:
    return make_world("Sigma Tau")
