"""Own face pictures as people have them: crops, or whole photographs with a face somewhere."""

from converter.datasets.face_crops import FaceCropper
from converter.datasets.files import Root, read_bytes
from converter.datasets.pictures import UNREADABLE, decode
from edge.capture.media import decode_picture
from edge.errors import SourceError
from edge.perception.detector import Face
from edge.perception.face import EYES
from edge.perception.features import Pixels

# In a crop the eyes are this share of the width apart; in a photograph much less.
EYES_OF_CROP = float(EYES[1, 0] - EYES[0, 0])
PHOTOGRAPH_SHARE = 0.75
"""A picture whose eyes are closer together, by this factor, is taken for a photograph."""
MAX_CROP_SIDE, MAX_CROP_ASPECT = 512, 1.3
"""A larger or less square picture without a face in it is no crop either."""


class PhotographReader:
    """Reads pictures as grey squares; the face of a photograph is cropped as on the device."""

    def __init__(self) -> None:
        self._cropper = FaceCropper()
        self.cropped = 0
        """Photographs so far."""

    def read(self, file: Root) -> Pixels | str:
        """Returns uint8[side, side], or the reason why a picture cannot be used."""
        data = read_bytes(file)
        if isinstance(data, str):
            return data
        try:
            photograph = decode_picture(data, file)
        except SourceError:
            return UNREADABLE
        square = decode(data)
        if isinstance(square, str):
            return square
        face = self._cropper.find(photograph)
        if face is None:
            return square if _may_be_crop(photograph) else "no face in this photograph"
        if _is_crop(face, photograph):
            return square
        self.cropped += 1
        return self._cropper.crop(photograph, face)


def _is_crop(face: Face, picture: Pixels) -> bool:
    return bool(face.eye_distance >= PHOTOGRAPH_SHARE * EYES_OF_CROP * picture.shape[1])


def _may_be_crop(picture: Pixels) -> bool:
    height, width = picture.shape[:2]
    is_square = max(height, width) <= MAX_CROP_ASPECT * min(height, width)
    return bool(is_square and max(height, width) <= MAX_CROP_SIDE)
