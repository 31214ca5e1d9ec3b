"""The root of the error tree, of which `error.py` has the leaves."""

from typing import ClassVar

from .error_code import Code, Processed


class MeshError(Exception):
    """Any failure that the mesh itself reports."""

    code: ClassVar[Code] = Code.INTERNAL
    cause: ClassVar[int] = 0
    processed: ClassVar[Processed] = Processed.NO
    sentence: ClassVar[str] = "the mesh failed"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.sentence)
