"""The page of settings has every setting, with the default that it has."""

import inspect
import re
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import Table

import django_host  # Before the models of the app are imported.
import milestone_progress
from milestone_progress.caches import redis as caches
from milestone_progress.django.settings import Configuration
from milestone_progress.django.stores import DjangoStore
from milestone_progress.stores import memory, postgres, redis, sqlalchemy, sqlite

assert django_host.MEDIAS  # So that it counts as used.
PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
TEXT = PAGE.read_text(encoding="utf-8")
# What a default may name, and where the classes of the headings are.
NAMES: Mapping[str, Any] = {
    **{name: getattr(milestone_progress, name) for name in milestone_progress.__all__},
    **{
        name: getattr(module, name)
        for module in (memory, postgres, redis, sqlalchemy, sqlite, caches)
        for name in module.__all__
    },
    "DjangoStore": DjangoStore,
    "time": time,
}
SECTIONS = re.split(r"^###? ", TEXT, flags=re.MULTILINE)
SETTINGS = {
    name: section
    for section in SECTIONS
    for name in re.findall(r"`(\w+)`", section.partition("\n")[0])
    if name != "MILESTONE_PROGRESS"
}


def rows(section: str) -> list[list[str]]:
    """Return the rows of a section's tables, without heads."""
    lines = re.findall(r"^\| (?!---)(.*) \|$", section, flags=re.MULTILINE)
    cells = [re.split(r" ?\| ?", line) for line in lines]
    return [row for row in cells if row[0] not in ("setting", "what")]


def defaults_of(described: type) -> dict[str, object]:
    """Return the settings of a class, with their defaults; `inspect.Parameter.empty` for none."""
    if attrs.has(described):
        made = {field.name: field.default for field in attrs.fields(described)}
        return {
            name: inspect.Parameter.empty
            if value is attrs.NOTHING
            else value.factory()
            if isinstance(value, attrs.Factory)  # type: ignore[arg-type]  # a class, typed as a function
            else value
            for name, value in made.items()
        }
    parameters = inspect.signature(described).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


def value_of(cell: str) -> object:
    """Return the default that a cell tells of."""
    if cell == "required":
        return inspect.Parameter.empty
    [written] = re.findall(r"^`(.*)`$", cell)
    return eval(written, dict(NAMES))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_of_a_class_is_there_with_its_default(name: str) -> None:
    told = {row[0].strip("`"): value_of(row[2]) for row in rows(SETTINGS[name])}
    found = {
        # A table is told by its name.
        setting: default.name if isinstance(default, Table) else default
        for setting, default in defaults_of(NAMES[name]).items()
    }
    assert told == found
    assert list(told) == list(found)


def test_every_class_that_holds_settings_is_there() -> None:
    policies = {
        name
        for name, thing in NAMES.items()
        if inspect.isclass(thing) and name.endswith(("Policy", "Limits", "Recorder", "Store"))
    }
    assert policies - SETTINGS.keys() == {"ConflictPolicy"}
    assert {"Batch", "Rollout", "Plausibility", "RedisSnapshotCache"} <= SETTINGS.keys()


def test_every_bound_is_the_one_in_the_code() -> None:
    [section] = [one for one in SECTIONS if one.startswith("Bounds")]
    bounds = rows(section)
    assert len(bounds) > 20
    for _, bound, where, _ in bounds:
        module, _, constant = where.strip("`").rpartition(".")
        found = getattr(import_module(f"milestone_progress.{module}"), constant)
        assert value_of(bound) == found, constant


def test_every_setting_of_django_is_there() -> None:
    [section] = [one for one in SECTIONS if one.startswith("Django")]
    told = {row[0].strip("`") for row in rows(section)}
    assert Configuration.__doc__
    read = set(re.findall(r"``([A-Z_]+)``", Configuration.__doc__))
    assert told == read - {"MILESTONE_PROGRESS", "DATABASES"}
