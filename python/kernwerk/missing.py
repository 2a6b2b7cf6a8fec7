"""What is no number and does not become one."""

from enum import Enum


class Missing(Enum):
    """Why a record has no number at a place where others have one."""

    UNMEASURED = "unmeasured"
    UNPRICED = "unpriced"

    def __str__(self) -> str:
        return self.value
