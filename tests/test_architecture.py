"""The shape of the package: who may import whom, and what it costs to import it."""

import ast
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import milestone_progress

PACKAGE = Path(milestone_progress.__file__).parent

# Which of our modules each may import. A module is named after those that it may import, so that
# the way through the package is one way. A folder is one module.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "_numbers": ("errors",),
    "_played": ("errors",),
    "_identifiers": ("errors",),
    "_events": ("errors", "_numbers"),
    "_policy": ("errors", "_numbers"),
    "_states": ("_events",),
    "_decision": (),
    "_playhead": ("_numbers", "_played", "_events", "_policy", "_states"),
    "_progress": ("_played", "_policy", "_states", "_playhead"),
    "_viewing": (
        "errors",
        "_numbers",
        "_played",
        "_events",
        "_states",
        "_decision",
        "_playhead",
        "_progress",
    ),
    "_snapshot": ("errors", "_numbers", "_played", "_states", "_decision", "_viewing"),
    "_tracker": (
        "errors",
        "_events",
        "_policy",
        "_states",
        "_decision",
        "_playhead",
        "_viewing",
        "_snapshot",
    ),
    "_switching": ("_policy", "_states", "_decision", "_tracker"),
    "rollout": ("errors", "_numbers", "_identifiers", "_policy"),
    "_counts": ("errors", "_numbers"),
    "_record": ("errors", "_numbers", "_played", "_identifiers", "_decision"),
    "_reports": ("errors", "_numbers", "_events", "_decision"),
    "_display": ("_numbers", "_policy"),
    "_resume": ("errors", "_numbers", "_policy", "_record", "_display"),
    "_plausibility": ("errors", "_numbers", "_record"),
    "_additions": ("_decision", "_record", "_reports", "_plausibility"),
    "_backlog": ("_record", "_additions"),
    "_fallback": ("errors", "_record", "_additions"),
    "_batch": ("errors", "_numbers", "_record", "_additions"),
    "_live": (
        "errors",
        "_numbers",
        "_events",
        "_policy",
        "_decision",
        "_tracker",
        "_switching",
        "_counts",
        "_record",
        "_plausibility",
        "_additions",
    ),
    "_live_viewings": ("errors", "_numbers", "_live"),
    "_freezing": ("_numbers", "_policy", "_switching", "_plausibility", "_live"),
    "_replay": ("_events", "_policy", "_decision", "_tracker"),
}
PURE = tuple(MAY_IMPORT)
# Beside and above the core. They may import all of it, and of each other what is named here.
ABOVE: dict[str, tuple[str, ...]] = {
    "__init__": ("stores", "hooks", "_recorder", "_recorder_async"),
    "_trace": (),
    "simulator": (),
    "stores": (),
    "hooks": (),
    "caches": ("stores",),
    "metrics": (),
    "_arms": ("hooks", "metrics"),
    "_recording": ("hooks", "metrics", "_arms"),
    "_queueing": ("_recording",),
    "_keeping": ("stores", "hooks", "_arms", "_recording", "_queueing"),
    "_keeping_async": ("stores", "hooks", "_arms", "_recording", "_queueing"),
    "_recorder": ("stores", "caches", "hooks", "metrics", "_arms", "_recording", "_keeping"),
    "_recorder_async": (
        "stores",
        "caches",
        "hooks",
        "metrics",
        "_arms",
        "_recording",
        "_keeping_async",
    ),
    "django": ("stores", "_recorder"),
    "testing": ("simulator", "stores"),
    "_cli_stores": ("_cli_policy", "stores"),
    "_cli_stats": ("_cli_stores", "stores", "metrics"),
    "_plot": ("simulator",),
    "_cli_policy": (),
    "_cli_plot": ("_cli_policy",),
    "_cli_traces": ("_cli_policy",),
    "_cli_simulate": ("_cli_plot", "_cli_policy", "_cli_traces", "_plot", "_trace", "simulator"),
    "_cli": (
        "_cli_plot",
        "_cli_policy",
        "_cli_simulate",
        "_cli_stats",
        "_cli_stores",
        "_cli_traces",
        "_plot",
        "_trace",
        "stores",
    ),
    "__main__": ("_cli",),
}

# All that the core may use of others. None of these reads a clock, a file, a socket or a die.
PURE_IMPORTS = {
    "abc",
    "attrs",
    "bisect",
    "collections",
    "collections.abc",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "json",
    "math",
    "re",
    "types",
    "typing",
    "unicodedata",
}
# What a module could do without importing anything.
IMPURE_BUILTINS = {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}

SLOW_OR_IMPURE = ("asyncio", "sqlite3", "logging", "hypothesis", "argparse", "socket", "ssl")


def modules() -> dict[str, list[Path]]:
    """Return the files of each module, a folder being one."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        found.setdefault(name, []).append(path)
    return found


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Return the modules that a file imports, wherever it does, and whether they are ours."""
    folder = (PACKAGE.name, *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from . import x`: x may be a module.
            whole = origin == PACKAGE.name
            names = [f"{origin}.{alias.name}" for alias in node.names] if whole else [origin]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == PACKAGE.name:
                ours = rest.partition(".")[0]
                yield (ours if ours in modules() else "__init__"), True
            else:
                yield name, False


def ours(name: str) -> set[str]:
    return {
        imported
        for path in modules()[name]
        for imported, own in imports(path)
        if own and imported != name
    }


def others(name: str) -> set[str]:
    return {imported for path in modules()[name] for imported, own in imports(path) if not own}


def test_every_module_has_its_place() -> None:
    assert modules().keys() == MAY_IMPORT.keys() | ABOVE.keys()


def test_the_way_through_the_core_is_one_way() -> None:
    order = list(MAY_IMPORT)
    for name, allowed in MAY_IMPORT.items():
        assert {*allowed} <= set(order[: order.index(name)])


@pytest.mark.parametrize("name", PURE)
def test_a_module_of_the_core_imports_only_what_its_place_allows(name: str) -> None:
    assert ours(name) <= set(MAY_IMPORT[name])


@pytest.mark.parametrize("name", ABOVE)
def test_a_module_above_the_core_imports_only_what_lies_below(name: str) -> None:
    assert ours(name) <= {*PURE, *ABOVE[name]}


@pytest.mark.parametrize("name", PURE)
def test_the_core_does_no_io_reads_no_clock_and_throws_no_dice(name: str) -> None:
    assert others(name) <= PURE_IMPORTS
    for path in modules()[name]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert used.isdisjoint(IMPURE_BUILTINS)


# What extras install, and the only modules that may import it; a folder with all that is in it.
EXTRAS = {
    "django": "django/*.py",
    "hypothesis": "testing/*.py",
    "matplotlib": "_plot.py",
    "prometheus_client": "hooks.py",
    "psycopg": "stores/*postgres*.py",
    "psycopg_pool": "stores/*postgres*.py",
    "pytest": "testing/*.py",
    "redis": "*/*redis*.py",
    "sqlalchemy": "stores/*sqlalchemy*.py",
}


def test_the_only_thing_installed_with_the_package_is_attrs() -> None:
    foreign = {
        (top, path.relative_to(PACKAGE))
        for files in modules().values()
        for path in files
        for imported, own in imports(path)
        if not own and (top := imported.partition(".")[0]) not in sys.stdlib_module_names
    }
    extra = {(name, path) for name, path in foreign if name != "attrs"}
    assert {name for name, _ in extra} == EXTRAS.keys()
    assert [
        (name, path) for name, path in extra if not fnmatch(path.as_posix(), EXTRAS[name])
    ] == []


def loaded_by(statement: str) -> set[str]:
    """Return the modules loaded in an interpreter of its own that runs a statement."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))
    }
    path = os.pathsep.join([str(PACKAGE.parent), environment.get("PYTHONPATH", "")])
    listing = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print('\\n'.join(sys.modules))"],
        env={**environment, "PYTHONPATH": path.rstrip(os.pathsep)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(listing.stdout.split())


def test_the_stores_load_no_driver_but_the_one_asked_for() -> None:
    loaded = loaded_by("import milestone_progress.stores.memory, milestone_progress.stores.sqlite")
    assert "sqlite3" in loaded
    assert loaded.isdisjoint({"asyncio", *EXTRAS})


def test_importing_the_package_loads_nothing_slow_and_nothing_that_acts() -> None:
    loaded = loaded_by("import milestone_progress")
    assert "milestone_progress._tracker" in loaded
    assert loaded.isdisjoint(SLOW_OR_IMPURE)
    ours = {name.split(".")[1] for name in loaded if name.startswith("milestone_progress.")}
    assert ours <= set(PURE) - {
        "_reports",
        "_display",
        "_resume",
        "_plausibility",
        "_additions",
        "_backlog",
        "_fallback",
        "_batch",
        "_live",
        "_live_viewings",
        "_freezing",
        "_switching",
        "_counts",
        "rollout",
    }


def test_the_recorders_load_nothing_slow_but_json() -> None:
    loaded = loaded_by("from milestone_progress import AsyncRecorder, Recorder, parse_report")
    assert "milestone_progress._recorder" in loaded
    assert loaded.isdisjoint({*SLOW_OR_IMPURE, *EXTRAS})


# What is public

PUBLIC = [
    "LARGEST_BODY",
    "REWIND_BY_ABSENCE",
    "Arm",
    "AsyncRecorder",
    "BacklogFull",
    "Batch",
    "Claim",
    "Complete",
    "ConflictError",
    "ConflictPolicy",
    "Emptied",
    "Ended",
    "Event",
    "HandleResult",
    "Implausible",
    "IntervalPolicy",
    "IntervalTracker",
    "InvalidValueError",
    "LiveLimits",
    "Marker",
    "MediaInfo",
    "MilestoneProgressError",
    "Pause",
    "PayloadError",
    "Phase",
    "Plausibility",
    "Play",
    "Problem",
    "ProgressRecord",
    "Recorder",
    "Report",
    "ResumeChoice",
    "ResumeOption",
    "ResumePoint",
    "ResumePolicy",
    "ResumeReason",
    "Rollout",
    "SaveDecision",
    "SavePolicy",
    "SaveResult",
    "SaveStatus",
    "SavedState",
    "Seeked",
    "Seeking",
    "StoreError",
    "Tick",
    "TimeUpdate",
    "TraceError",
    "Tracker",
    "Trigger",
    "Unload",
    "display_percent",
    "estimated_position",
    "event_from_dict",
    "format_time",
    "markers",
    "merge",
    "parse_events",
    "parse_report",
    "played_from_text",
    "played_to_text",
    "policy_to_dict",
    "resume_choice",
    "resume_point",
    "switched",
    "tracker_for",
]


# Explained by a comment where they are defined.
CONSTANTS = ("Event", "LARGEST_BODY", "REWIND_BY_ABSENCE")


def test_nothing_becomes_public_or_private_unnoticed() -> None:
    assert milestone_progress.__all__ == PUBLIC


def test_what_is_loaded_later_is_found_and_remembered() -> None:
    for name in PUBLIC:
        thing = getattr(milestone_progress, name)
        assert vars(milestone_progress)[name] is thing
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        milestone_progress.nothing_of_the_kind  # noqa: B018  # to look it up is the point


def test_nothing_is_public_by_accident() -> None:
    visible = {
        name
        for name, value in vars(milestone_progress).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    } - {"TYPE_CHECKING", "import_module"}
    assert visible == set(PUBLIC)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in CONSTANTS])
def test_every_public_name_is_explained(name: str) -> None:
    explanation = getattr(milestone_progress, name).__doc__
    assert explanation
    assert explanation.strip().splitlines()[0].rstrip().endswith((".", "?", ":"))
