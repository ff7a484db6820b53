"""Corpora of acted speech whose file names give speaker and emotion: a table of layouts.

To add a corpus, describe it as an `ActedSpeech` with its paper, layout and address underneath, and
append it to CORPORA.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from converter.datasets.files import Root, find_root
from converter.datasets.recordings import (
    LABEL_OF,
    LABELS,
    Clip,
    Recordings,
    folder_name,
    read_clips,
    sound_files,
)


@dataclass(frozen=True)
class ActedSpeech:
    """One published layout; the clips may have any sound format."""

    dataset: str
    licence: str
    hint: str
    """The files or folders by which a user recognizes the layout, for messages."""
    clip: re.Pattern[str]
    """Must match all of a clip's NAME or FOLDER/NAME, without suffix.

    Its groups are `speaker`, used in upper case, and `emotion`.
    """
    emotions: Mapping[str, str | None]
    """The label, one of LABELS, of each code in lower case; None for an emotion they lack."""
    folder: str = ""
    """The folder of the clips inside the published one; the user may pass either of the two."""
    depth: int = 0
    """Level of the clips below `folder`, 1 for those in it; 0 for any."""
    parent: str = ""
    """Start of the name of a clip's folder."""

    def matches(self, path: Path) -> bool:
        """Returns True if `path`, a folder or a zip of it, has clips of this layout."""
        return self._root(path) is not None

    def load(self, path: Path) -> Recordings:
        """Reads all clips; raises DatasetError where none can be used."""
        described = [(file, self._clip(file)) for file in self._files(self._root(path) or path)]
        unusable = [
            f"{file}: not named as {self.dataset} names clips"
            for file, clip in described
            if not clip
        ]
        clips = (clip for _, clip in described if clip)
        return read_clips(self.dataset, self.licence, clips, unusable)

    def _root(self, path: Path) -> Root | None:
        return find_root(path, (), lambda folder: any(map(self._clip, self._files(folder))))

    def _clip(self, file: Root) -> Clip | None:
        stem = Path(file.name).stem
        names = (stem, f"{folder_name(file)}/{stem}")
        match = next(filter(None, map(self.clip.fullmatch, names)), None)
        if match is None:
            return None
        return Clip(file, self.emotions[match["emotion"].lower()], match["speaker"].upper())

    def _files(self, root: Root) -> list[Root]:
        inside = root / self.folder if self.folder else root
        found = sound_files(inside if inside.is_dir() else root, self.depth)
        return [file for file in found if folder_name(file).startswith(self.parent)]


RAVDESS = ActedSpeech(
    "RAVDESS",
    "CC BY-NC-SA 4.0 (RAVDESS): not for commercial use",
    "Actor_NN/",
    # Audio-only speech: the song recordings of the same actors have vocal channel 02.
    re.compile(r"03-01-(?P<emotion>0[1-8])-\d\d-\d\d-\d\d-(?P<speaker>\d\d)"),
    {f"{number:02}": label for number, label in enumerate(LABELS, 1)},
    depth=2,
    parent="Actor_",
)
"""Acted North American English speech of 24 actors (Livingstone and Russo 2018).

Actor_NN/03-01-EE-II-SS-RR-NN.wav: the third field is the emotion, the last one the actor.
https://zenodo.org/records/1188976
"""

CREMA_D = ActedSpeech(
    "CREMA-D",
    "ODbL 1.0 (CREMA-D)",
    "AudioWAV/",
    re.compile(r"(?P<speaker>1\d{3})_[A-Z]{3}_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_[A-Z]{2}"),
    {
        "ang": "angry",
        "dis": "disgust",
        "fea": "fearful",
        "hap": "happy",
        "neu": "neutral",
        "sad": "sad",
    },
    folder="AudioWAV",
    depth=1,
)
"""Acted North American English of 91 actors (Cao et al. 2014).

AudioWAV/AAAA_SSS_EEE_LL.wav: actor, sentence, emotion and level.
https://github.com/CheyneyComputerScience/CREMA-D
"""

EMO_DB = ActedSpeech(
    "EMO-DB",
    "free to use, cite the paper (EMO-DB)",
    "wav/",
    re.compile(r"(?P<speaker>\d\d)[ab]\d\d(?P<emotion>[WLEAFTN])[a-z]?"),
    {
        "w": "angry",
        "l": None,  # boredom
        "e": "disgust",
        "a": "fearful",
        "f": "happy",
        "t": "sad",
        "n": "neutral",
    },
    folder="wav",
    depth=1,
)
"""The Berlin database: ten German actors (Burkhardt et al. 2005).

wav/SSTTTEv.wav: speaker, text, the first letter of the German word for the emotion, and version.
http://emodb.bilderbar.info
"""

SAVEE = ActedSpeech(
    "SAVEE",
    "research use only (SAVEE)",
    "AudioData/SS/",
    re.compile(r"(?P<speaker>DC|JE|JK|KL)[_/](?P<emotion>sa|su|[adfhn])\d\d"),
    {
        "a": "angry",
        "d": "disgust",
        "f": "fearful",
        "h": "happy",
        "n": "neutral",
        "sa": "sad",
        "su": "surprised",
    },
)
"""Four men of Surrey, acted British English (Haq and Jackson 2010).

AudioData/SS/eNN.wav with the speaker as folder, or the flat layout SS_eNN.wav.
http://kahlan.eps.surrey.ac.uk/savee/
"""

TESS = ActedSpeech(
    "TESS",
    "CC BY-NC-ND 4.0 (TESS): not for commercial use",
    "OAF_…, YAF_…",
    re.compile(
        r"(?P<speaker>OA|YA(?=F))F?_[a-z]+_"
        r"(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)",
        re.I,
    ),
    {**LABEL_OF, "ps": "surprised"},  # "pleasant surprise"
)
"""Two actresses of Toronto, a word in each sentence (Pichora-Fuller and Dupuis 2020).

OAF_word_emotion.wav, in folders or not; the older actress is OAF (once OA), the younger YAF.
https://doi.org/10.5683/SP2/E8H2MF
"""

EMOVO = ActedSpeech(
    "EMOVO",
    "research use only (EMOVO)",
    "EMOVO/f1/",
    re.compile(r"(?P<emotion>dis|gio|neu|pau|rab|sor|tri)-(?P<speaker>[fm]\d)-[a-z]\d+"),
    {
        "dis": "disgust",
        "gio": "happy",
        "neu": "neutral",
        "pau": "fearful",
        "rab": "angry",
        "sor": "surprised",
        "tri": "sad",
    },
)
"""Acted Italian of six actors (Costantini et al. 2014).

SS/EEE-SS-sN.wav: the first letters of the Italian word for the emotion, speaker and sentence.
http://voice.fub.it/activities/corpora/emovo/
"""

ASED = ActedSpeech(
    "ASED",
    "research use only (ASED)",
    "01Neutral/",
    re.compile(r"[nfhsa](?P<emotion>[1-5])-\d\d-\d\d-\d\d-(?P<speaker>\d\d)"),
    {"1": "neutral", "2": "fearful", "3": "happy", "4": "sad", "5": "angry"},
)
"""Amharic of 65 people, each clip judged by eight others (Retta et al. 2022).

NNEmotion/eE-SS-RR-GG-PP.wav: emotion, sentence, repetition, sex and speaker.
https://github.com/Ethio2021/ASED_V1
"""

EMOSPEECH_IN = ActedSpeech(
    "EmoSpeech-IN",
    "CC BY-NC-SA 4.0 (EmoSpeech-IN): not for commercial use",
    "webservice/",
    re.compile(
        r"[a-z]+-[a-z]+-(?P<emotion>angry|calm|fearful|happy)-"
        r"[\d?]+-(?P<speaker>[0-9a-f]{12})[0-9a-f]*"  # ? where the time is unknown
    ),
    {"angry": "angry", "calm": "neutral", "fearful": "fearful", "happy": "happy"},
)
"""Single words that people in India said into their own telephones.

webservice/word-place-emotion-time-SPEAKER.wav; the speaker is a hash.
"""

URDU = ActedSpeech(
    "URDU",
    "research use only (URDU)",
    "Angry/",
    re.compile(r"(?P<speaker>S[FM]\d+)_F\d+_(?P<emotion>[AHNS])\d+"),
    {"a": "angry", "h": "happy", "n": "neutral", "s": "sad"},
)
"""Urdu talk shows (Latif et al. 2018); most speakers are heard with one emotion only.

Emotion/SPEAKER_FNN_ENNN.wav: speaker, file and the first letter of the emotion.
https://github.com/siddiquelatif/URDU-Dataset
"""

CORPORA = (RAVDESS, CREMA_D, EMO_DB, SAVEE, TESS, EMOVO, ASED, EMOSPEECH_IN, URDU)
"""In the order in which a folder is checked for them."""
