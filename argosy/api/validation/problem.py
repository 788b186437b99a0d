from __future__ import annotations

from argosy.api.record import Record


class Problem(Record):
    """One reason to refuse an object: `path` `message`; `remedy`.

    Attributes:
        path: the field at fault as Karmada's API names it, such as `spec.placement.spreadConstraints[0]`.
        message: what is wrong, continuing a sentence that begins with the path.
        remedy: what to do about it, as a command.
    """

    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path} {self.message}; {self.remedy}"
