"""Players and viewers made of nothing: for tests, examples and the comparison of policies."""

from ._player import Player

__all__ = ["Player"]
