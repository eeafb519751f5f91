"""Attacks happen between the same two worlds as visits to the pages."""

from tests.web.conftest import elsewhere, world

__all__ = ["elsewhere", "world"]
