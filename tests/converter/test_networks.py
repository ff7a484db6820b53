"""The networks on offer: each becomes int8 throughout, with the answers that it had."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from converter import steps
from converter.networks import face_cnn, speech_gru
from converter.options import NETWORKS
from converter.packing.quantize import quantize
from edge.errors import EmotiondError
from edge.perception.interpreter import Interpreter
from edge.perception.manifest import ImageInput
from tests.converter.command_line import convert
from tests.converter.face_trees import own_set

BUILT: dict[str, tuple[Callable[[], keras.Model], tuple[int, ...]]] = {
    "face cnn": (lambda: face_cnn.build((32, 32, 1), 4, width=0.25), (32, 32, 1)),
    "speech cnn_gru": (lambda: speech_gru.build((40, 40), 4), (40, 40)),
}
"""Small inputs, of which the conversion takes less than a second or two."""


@pytest.mark.parametrize("name", BUILT)
def test_a_network_becomes_int8_and_answers_as_before(name: str) -> None:
    build, shape = BUILT[name]
    keras.utils.set_random_seed(0)
    network = build()
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 1, (24, *shape)).astype(np.float32)
    model = quantize(network, list(samples))
    device = Interpreter(model, name)
    answers = np.concatenate([device.run(one) for one in samples])
    expected = np.asarray(network(samples, training=False))
    assert np.corrcoef(answers.ravel(), expected.ravel())[0, 1] > 0.9


def test_a_network_is_chosen_by_its_name() -> None:
    default, plain = (steps.make_task("face", {"network": one}) for one in ("mobilenet", "cnn"))
    spec = ImageInput((32, 32, 1), "grey", "standardized")
    assert default.build(spec).count_params() != plain.build(spec).count_params()
    for modality, networks in NETWORKS.items():
        assert steps.make_task(modality, {}).network == networks[0]  # type: ignore[attr-defined]


def test_a_network_of_another_modality_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("--data", own_set(tmp_path, "happy", "sad", of_each=1))
    assert convert(monkeypatch, "train", "face", *data, "--network", "cnn_gru") == 1
    assert "--network cnn_gru does not apply to face; choose mobilenet or cnn" in (
        capsys.readouterr().err
    )
    with pytest.raises(EmotiondError, match="--network does not apply to text"):
        steps.make_task("text", {"network": "cnn"})
