"""The site of these pages: `python -m sphinx -W --keep-going -b html docs FOLDER`.

Nothing is fetched to build it, and nothing to read it: the theme has its files with it, and takes
the fonts of the reader's system.
"""

import importlib.metadata
import re

import attrs
import django
from django.conf import settings
from sphinx.application import Sphinx

# So that the app for Django can be imported; nothing here has a database.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "milestone_progress.django",
    ],
    MILESTONE_PROGRESS={"IS_MEDIA": "catalogue.is_media"},
)
django.setup()

project = "milestone-progress"
author = "the milestone-progress developers"
release = importlib.metadata.version("milestone-progress")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# Of links such as `live.md#several-workers`, as code hosts make them.
myst_heading_anchors = 3

# Docstrings name things in single backticks; what is no name of ours stays code.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
# An "Attributes:" section is a list below its class.
napoleon_use_ivar = True

html_theme = "furo"
html_title = "milestone-progress"
html_show_sphinx = False
# The sources are in the repository.
html_copy_source = False

OUTSIDE = re.compile(r"\[`?([^\]`]+)`?\]\(\.\./([^)#]+)\)")


def name_what_is_outside(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Name the files of the repository that a page links to, which are not in the site."""
    source[0] = OUTSIDE.sub(
        lambda link: f"`{link[2]}`" if link[1] == link[2] else f"{link[1]} (`{link[2]}`)", source[0]
    )


def without_types(
    _app: Sphinx, what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Let a colon be a colon: napoleon takes what is before it for a type, which we annotate."""
    inline = [0] if lines and what in ("attribute", "data", "property") else []
    returned = [number + 1 for number, line in enumerate(lines[:-1]) if line == "Returns:"]
    for number in inline + returned:
        text = lines[number].lstrip()
        indentation = lines[number].removesuffix(text)
        # An empty type.
        lines[number] = f"{indentation}: {text}"


def with_defaults(
    _app: Sphinx,
    _what: str,
    _name: str,
    described: type,
    _options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Show the defaults of classes made by attrs, and not how their constructors find them."""

    def default(match: re.Match[str]) -> str:
        return repr(attrs.fields_dict(described)[match[1]].default)

    if signature is not None:
        signature = re.sub(r"attr_dict\['(\w+)'\]\.default", default, signature)
        # Made anew for each object.
        signature = signature.replace("NOTHING", "...")
    return signature, returned


def setup(app: Sphinx) -> None:
    """Let Sphinx know of them."""
    app.connect("source-read", name_what_is_outside)
    app.connect("autodoc-process-docstring", without_types, priority=400)  # napoleon has 500.
    app.connect("autodoc-process-signature", with_defaults)
