"""What the commands share: the policy that is asked for, and the error that ends them."""

from collections.abc import Sequence

from attrs import fields

from ._policy import IntervalPolicy, SavePolicy
from .errors import InvalidValueError, MilestoneProgressError

__all__ = ["UsageError", "policy_from"]


class UsageError(MilestoneProgressError):
    """The command cannot be carried out as it was given."""


def policy_from(
    kind: type[SavePolicy] | type[IntervalPolicy], settings: Sequence[str]
) -> SavePolicy | IntervalPolicy:
    """Return the policy that ``--policy NAME=VALUE``, as often as given, asks for.

    Raises:
        UsageError: A setting is not known, or cannot hold that value.
    """
    names = [field.name for field in fields(kind)]
    values: dict[str, object] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in names:
            raise UsageError(f"--policy {setting}: not NAME=VALUE with one of {', '.join(names)}")
        if name == "milestones":
            values[name] = tuple(_number(setting, piece) for piece in text.split(","))
        elif name == "basis":
            values[name] = text
        else:
            values[name] = None if text.lower() == "none" else _number(setting, text)
    try:
        return kind(**values)  # type: ignore[arg-type]  # the policies check what they are given
    except InvalidValueError as error:
        raise UsageError(f"--policy: {error}") from None


def _number(setting: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise UsageError(f"--policy {setting}: {text!r} is no number") from None
    # Milestones are shown as they are written.
    return int(number) if number.is_integer() else number
