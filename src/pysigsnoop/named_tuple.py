"""What `typing.NamedTuple` makes, without typing: to import that takes longer than the tracer."""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False

__all__ = ["NamedTuple"]

if TYPE_CHECKING:
    from typing import NamedTuple
else:

    class _Maker(type):
        """Makes of a class below NamedTuple a tuple with its annotated names, in their order."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = [*body["__annotations__"]]
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for key, value in body.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """The class to derive from, and from nothing else."""
