import importlib
import pkgutil

import pytest

import webapp


@pytest.fixture(scope="session", autouse=True)
def _every_module_is_loaded() -> None:
    for module in pkgutil.walk_packages(webapp.__path__, "webapp."):
        if not module.name.startswith("webapp.sandbox") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
