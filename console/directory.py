"""Who alerts can reach, by name: the world's channels alone know an address."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Recipient(BaseModel):
    """Somebody or something that alerts can reach, by name; the world's channels know the address."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    name: str
    agency: str = ""
    role: str = ""
    unit: str = ""
    facility: str = ""
    zone: str = ""
    channel: str = "drill"
