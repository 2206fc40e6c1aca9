"""Conditions: a typed subset of CEL, checked when it is loaded and compiled to closures.

Alarms, policies and playbooks share it. Every name, type, enumerated word and argument count is checked at load, with
the column and a suggestion; cost is bounded (no loops but one macro over a declared list); every line can say with
its values why it was true or false. The language is described in ``docs/playbooks.md``.
"""

from picture.conditions.compile import Condition, Expression, Line
from picture.conditions.types import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    Env,
    Field,
    Message,
    Type,
    enum_of,
    list_of,
    message_type,
)

__all__ = [
    "BOOL",
    "DOUBLE",
    "INT",
    "STRING",
    "Condition",
    "Env",
    "Expression",
    "Field",
    "Line",
    "Message",
    "Type",
    "enum_of",
    "list_of",
    "message_type",
]
