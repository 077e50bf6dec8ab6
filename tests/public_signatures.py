"""All that is public, with its signatures, as text: `python tests/public_signatures.py` writes it.

The text is `public_signatures.txt` beside this file. It is the same on every version of Python:
types are written here, not by `inspect`, whose way changes.
"""

import enum
import inspect
import types
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from attrs import NOTHING

import django_host  # Before the models of the app are imported.
import milestone_progress

assert django_host.MEDIAS  # So that it counts as used.
FILE = Path(__file__).with_suffix(".txt")
PACKAGE = milestone_progress.__name__
# Modules that Django finds by itself, and nobody imports.
WIRING = {"admin", "apps", "management", "migrations", "settings", "urls"}
STARS: dict[object, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def public_names() -> Iterator[str]:
    """Yield the address of everything that may be imported, where it is found first first."""
    yield from (f"{PACKAGE}.{name}" for name in milestone_progress.__all__)
    for module in walk_packages(milestone_progress.__path__, f"{PACKAGE}."):
        parts = module.name.split(".")
        if any(part.startswith("_") for part in parts) or WIRING & set(parts):
            continue
        found = import_module(module.name)
        yield from (f"{module.name}.{name}" for name in getattr(found, "__all__", ()))


def named(address: str) -> Any:
    """Return what an address names."""
    module, _, name = address.rpartition(".")
    return getattr(import_module(module), name)


def signatures() -> str:
    """Return all that is public, a line for each name, signature, method, property and value."""
    lines = []
    first: dict[int, str] = {}
    for address in public_names():
        thing = named(address)
        if id(thing) in first:
            lines.append(f"{address} is {first[id(thing)]}")
            continue
        first[id(thing)] = address
        if inspect.isclass(thing):
            lines.extend(of_class(address, thing))
        elif inspect.isroutine(thing):
            lines.append(of_function(address, thing))
        else:
            lines.append(f"{address}: {value_written(thing)}")
    return "\n".join(lines) + "\n"


def of_class(address: str, described: type) -> Iterator[str]:
    """Yield a class with its bases, constructor and public members."""
    bases = ", ".join(base.__name__ for base in described.__bases__ if base is not object)
    yield f"{address}: class({bases})"
    if issubclass(described, enum.Enum):
        yield from (f"{address}.{one.name} = {one.value!r}" for one in described)
        return
    constructor = described.__init__
    if isinstance(constructor, types.FunctionType) and is_ours(described, "__init__"):
        yield of_function(f"{address}.__init__", constructor)
    for name in sorted(dir(described)):
        # What a suite tests is no name that anybody uses.
        if name.startswith(("_", "test_")) or not is_ours(described, name):
            continue
        member = inspect.getattr_static(described, name)
        if isinstance(member, (classmethod, staticmethod)):
            kind = type(member).__name__
            yield of_function(f"{address}.{name}", member.__func__) + f"  # {kind}"
        elif isinstance(member, (property, cached_property)):
            getter = member.fget if isinstance(member, property) else member.func
            assert getter is not None
            told = inspect.signature(getter).return_annotation
            yield f"{address}.{name}: {written(told)}  # property"
        elif isinstance(member, types.FunctionType):
            yield of_function(f"{address}.{name}", member)
        elif isinstance(member, types.MemberDescriptorType):
            told = all_annotations(described)[name]
            yield f"{address}.{name}: {written(told)}"


def is_ours(described: type, name: str) -> bool:
    """Whether a member comes from a class of ours, not from one that it inherits from."""
    owners = [one for one in described.__mro__ if name in vars(one)]
    return bool(owners) and owners[0].__module__.startswith(PACKAGE)


def all_annotations(described: type) -> dict[str, object]:
    """Return the annotations of a class and of those that it inherits from."""
    found: dict[str, object] = {}
    for one in reversed(described.__mro__):
        found |= inspect.get_annotations(one)
    return found


def of_function(address: str, function: Callable[..., object]) -> str:
    """Return a function with its parameters and what it returns."""
    signature = inspect.signature(function)
    parts = []
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    for index, parameter in enumerate(signature.parameters.values()):
        if parameter.kind is parameter.KEYWORD_ONLY and not {
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        } & {*kinds[:index]}:
            parts.append("*")
        text = STARS.get(parameter.kind, "") + parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {written(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            text += f" = {value_written(parameter.default)}"
        parts.append(text)
    returns = ""
    if signature.return_annotation is not signature.empty:
        returns = f" -> {written(signature.return_annotation)}"
    begins = "async " if inspect.iscoroutinefunction(function) else ""
    return f"{begins}{address}({', '.join(parts)}){returns}"


def written(annotation: object) -> str:
    """Return a type as it would be written where its names are imported."""
    if isinstance(annotation, str):
        return annotation
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, list):
        return f"[{', '.join(map(written, annotation))}]"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin in (Union, types.UnionType):
        return " | ".join(map(written, arguments))
    if origin is not None:
        return f"{written(origin)}[{', '.join(map(written, arguments))}]"
    if isinstance(annotation, TypeVar):
        return annotation.__name__
    return getattr(annotation, "__qualname__", None) or str(annotation).rpartition(".")[2]


def value_written(value: object) -> str:
    """Return a value as it would be written where its names are imported."""
    if value is NOTHING:
        return "..."
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if get_origin(value) is not None or isinstance(value, types.UnionType):
        return written(value)
    if inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, (bool, int, float, str, tuple, frozenset, type(None))):
        return repr(value)
    return "..."


if __name__ == "__main__":
    FILE.write_text(signatures(), encoding="utf-8")
