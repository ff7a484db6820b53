"""Reads files of pictures and sounds for an import, in colour and at their own size."""

from collections.abc import Sequence
from typing import Any

from converter.datasets.face_crops import FaceCropper
from converter.datasets.files import Root, read_bytes
from converter.datasets.photographs import is_crop, may_be_crop
from edge.capture.media import decode_picture, decode_sound
from edge.errors import SourceError
from edge.perception.face import align

CROP_SIDE = 224
"""Side of a face that is cropped from a photograph, in pixels."""


class FileReader:
    """Reads files as a device sees or hears them; whole photographs are cropped to the face."""

    def __init__(self, modality: str) -> None:
        self._modality = modality
        self._cropper = FaceCropper() if modality == "face" else None
        self.cropped = 0

    def read(self, files: Sequence[Root], reasons: list[str]) -> list[tuple[int, Any]]:
        """Returns place and content of each readable file; adds why others are left out."""
        found = []
        for place, file in enumerate(files):
            data = read_bytes(file)
            try:
                if isinstance(data, str):
                    raise SourceError(f"{file}: {data}")
                found.append((place, self._decode(data, str(file))))
            except SourceError as error:
                reasons.append(str(error))
        return found

    def _decode(self, data: bytes, name: str) -> Any:
        if self._cropper is None:
            return decode_sound(data, name)
        picture = decode_picture(data, name)
        face = self._cropper.find(picture)
        if face is None:
            if not may_be_crop(picture):
                raise SourceError(f"{name}: no face in this photograph")
            return picture
        if is_crop(face, picture):
            return picture
        self.cropped += 1
        return align(picture, face, CROP_SIDE)
