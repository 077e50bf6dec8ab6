"""Imports all of the installed package where there is nothing else but attrs.

A module that needs more has to say what, and nothing else may need anything.
"""

from fnmatch import fnmatch
from importlib import import_module
from pkgutil import walk_packages

import milestone_progress
from milestone_progress.hooks import prometheus_hook

# What needs more, and what its error has to name.
NEEDS = {
    "caches.redis": "milestone-progress[redis]",
    "django.*": "django",
    "stores.postgres": "milestone-progress[postgres]",
    "stores.redis": "milestone-progress[redis]",
    "stores.sqlalchemy": "milestone-progress[sqlalchemy]",
    "testing.conformance": "pytest",
    "testing.strategies": "hypothesis",
    # Not to be imported by anybody but the ones above, and by `simulate --plot`.
    "_plot": "matplotlib",
    "stores._postgres_connections": "psycopg",
    "stores._sqlalchemy_*": "sqlalchemy",
    "testing._*": "",
}


def told(error: ImportError) -> str:
    """Return all that a reader of the traceback sees of an error."""
    return " ".join((str(error), *getattr(error, "__notes__", ())))


for module in walk_packages(milestone_progress.__path__, "milestone_progress."):
    name = module.name.removeprefix("milestone_progress.")
    if name == "__main__":
        continue
    try:
        import_module(module.name)
    except ImportError as error:
        wanted = [text for pattern, text in NEEDS.items() if fnmatch(name, pattern)]
        if not wanted or wanted[0] not in told(error):
            raise
try:
    prometheus_hook()
except ImportError as error:
    if "milestone-progress[prometheus]" not in told(error):
        raise
else:
    raise SystemExit("prometheus_client is installed here: nothing was tried")
