"""ONNX models become packs, through onnx2keras, and are measured beside ONNX Runtime's answers."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx2keras", reason="needs the extra [onnx]")

import onnx
from onnx import TensorProto, helper, numpy_helper

from converter.importing.build import Request, import_model
from converter.importing.original import ModelImportError
from edge.perception.classifier import Classifier
from edge.perception.features import image_features
from edge.perception.manifest import ImageInput
from edge.perception.pack import load_pack

SIDE = 16


def _save(path: Path, *activations: str, size: int | str = SIDE) -> Path:
    """Writes a network of PyTorch's layout whose labels are the channels of a picture."""
    weights = {
        "kernel": np.eye(3, dtype=np.float32)[..., None, None],
        "dense": np.eye(3, dtype=np.float32) * 8,
        "bias": np.zeros(3, np.float32),
    }
    steps = ["copied", *(f"active{index}" for index in range(len(activations)))]
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["copied"], "copy"),
        *(
            helper.make_node(activation, [steps[index]], [steps[index + 1]], f"act{index}")
            for index, activation in enumerate(activations)
        ),
        helper.make_node("GlobalAveragePool", [steps[-1]], ["means"], "pool"),
        helper.make_node("Flatten", ["means"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "dense", "bias"], ["logits"], "emotion"),
    ]
    graph = helper.make_graph(
        nodes,
        "channels",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, size, size])],
        [
            helper.make_tensor_value_info("copied", TensorProto.FLOAT, ["n", 3, size, size]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3]),
        ],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    opset = [helper.make_opsetid("", 14)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def _request(model: Path, sentence: str) -> Request:
    return Request(
        model=model,
        modality="face",
        labels="angry,happy,sad",
        input=sentence,
        folder=model.parent / "packs",
    )


@pytest.mark.parametrize(
    ("activations", "size", "sentence"),
    [
        (("Relu",), SIDE, "rgb imagenet"),
        (("HardSwish", "HardSigmoid"), "side", f"{SIDE}x{SIDE} rgb imagenet"),
    ],
)
def test_a_network_with_channels_first_answers_as_onnx_runtime_does(
    activations: tuple[str, ...], size: int | str, sentence: str, tmp_path: Path
) -> None:
    model = _save(tmp_path / "channels.onnx", *activations, size=size)
    found = import_model(_request(model, sentence))
    assert found.rows[0].form == "ONNX"
    assert [row.agreement for row in found.rows[1:]] == [1.0, pytest.approx(1.0, abs=0.05)]
    pack = load_pack(found.manifest_path)
    green = np.zeros((SIDE, SIDE, 3), np.uint8)
    green[..., 1] = 255
    assert isinstance(pack.manifest.input, ImageInput)
    native = Classifier(pack).classify(image_features(green, pack.manifest.input)).native
    assert max(native, key=lambda label: native[label]) == "happy"


def test_an_operator_without_a_conversion_is_named_with_its_node(tmp_path: Path) -> None:
    with pytest.raises(ModelImportError, match=r"onnx2keras knows no Softplus \(act0\)"):
        import_model(_request(_save(tmp_path / "odd.onnx", "Softplus"), "rgb 0..1"))


def test_an_open_size_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelImportError, match=r"3 x \? x \?; give the size"):
        import_model(_request(_save(tmp_path / "open.onnx", size="side"), "rgb 0..1"))
    (tmp_path / "damaged.onnx").write_bytes(b"\x08\x07 and nothing else")
    with pytest.raises(ModelImportError, match="not a valid ONNX file"):
        import_model(_request(tmp_path / "damaged.onnx", "rgb 0..1"))
