"""Own face pictures as people have them: crops, or whole photographs with a face somewhere."""

from converter.datasets.face_crops import FaceCropper
from converter.datasets.pictures import Box, PictureReader, decode
from edge.capture.media import decode_picture
from edge.perception.detector import Face
from edge.perception.face import EYES
from edge.perception.features import Pixels

# In a crop the eyes are this share of the width apart; in a photograph much less.
EYES_OF_CROP = float(EYES[1, 0] - EYES[0, 0])
PHOTOGRAPH_SHARE = 0.75
"""A picture whose eyes are closer together, by this factor, is taken for a photograph."""
MAX_FACE_ASPECT = 1.1
"""A less square picture is taken for a photograph too: as a square its face would be distorted."""
MAX_CROP_SIDE, MAX_CROP_ASPECT = 512, 1.3
"""A picture in which no face is found is no crop if it is larger or less square."""


class PhotographReader(PictureReader):
    """Reads pictures as grey squares; the face of a photograph is cropped as on the device."""

    def __init__(self) -> None:
        super().__init__()
        self._cropper = FaceCropper()
        self._cropped = 0

    def decode(self, data: bytes, box: Box | None = None) -> Pixels | str:
        """Returns uint8[side, side], or the reason why a picture file cannot be used."""
        if box is not None:
            return super().decode(data, box)
        square = decode(data)
        if isinstance(square, str):
            return square
        picture = self._crop(decode_picture(data, "picture"), square)
        if not isinstance(picture, str):
            self.count(data)
        return picture

    @property
    def notes(self) -> tuple[str, ...]:
        """Describes what a user should know about the pictures so far."""
        crops = f"whole photographs, cropped to their largest face: {self._cropped}"
        return ((crops,) if self._cropped else ()) + super().notes

    def _crop(self, photograph: Pixels, square: Pixels) -> Pixels | str:
        """Returns the face of a photograph, and `square` if it is a crop already."""
        face = self._cropper.find(photograph)
        if face is None:
            return square if may_be_crop(photograph) else "no face in this photograph"
        if is_crop(face, photograph):
            return square
        self._cropped += 1
        return self._cropper.crop(photograph, face)


def is_crop(face: Face, picture: Pixels) -> bool:
    """Returns True if a face fills a picture as an upright crop."""
    across = float(face.keypoints[1, 0] - face.keypoints[0, 0])
    is_near = across >= PHOTOGRAPH_SHARE * EYES_OF_CROP * picture.shape[1]
    return is_near and _aspect(picture) <= MAX_FACE_ASPECT


def may_be_crop(picture: Pixels) -> bool:
    """Returns True if a picture without a found face is small and square enough for a crop."""
    return max(picture.shape[:2]) <= MAX_CROP_SIDE and _aspect(picture) <= MAX_CROP_ASPECT


def _aspect(picture: Pixels) -> float:
    height, width = picture.shape[:2]
    return float(max(height, width) / min(height, width))
