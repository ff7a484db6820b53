"""Models from elsewhere become packs: formats, inputs, outputs, labels, data, refusals."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import msgspec
import numpy as np
import pytest
import tensorflow as tf

from converter.importing.build import Request, import_model
from converter.importing.original import ModelImportError
from converter.packing.quantize import check_integer
from edge.emotions import EMOTIONS, FloatArray
from edge.errors import EmotiondError
from edge.perception.classifier import Classifier
from edge.perception.features import image_features
from edge.perception.manifest import ImageInput, Manifest
from edge.perception.pack import load_pack
from edge.perception.selftest import sample_runner
from edge.values import Pixels
from tests.converter.command_line import convert
from tests.converter.small_models import (
    LABELS,
    LIST,
    SIDE,
    brightest_channel,
    picture,
    quarters,
    write_pictures,
)

GREY = "16x16 grey 0..1"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network in every format."""
    folder = tmp_path_factory.mktemp("models")
    model = quarters()
    model.save(folder / "quarters.keras")
    model.save(folder / "quarters.h5")
    model.export(folder / "saved", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    (folder / "float.tflite").write_bytes(converter.convert())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    rng = np.random.default_rng(0)
    converter.representative_dataset = lambda: (
        [picture(number % 4, rng)[None, ..., None].astype(np.float32) / 255] for number in range(40)
    )
    (folder / "float-ends.tflite").write_bytes(converter.convert())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    (folder / "uint8-ends.tflite").write_bytes(converter.convert())
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (folder / "int8-ends.tflite").write_bytes(converter.convert())
    return folder


def requested(model: Path, tmp_path: Path, **others: object) -> Request:
    given = {"modality": "face", "labels": LIST, "input": GREY, "folder": tmp_path / "packs"}
    return Request(**{"model": model, **given, **others})  # type: ignore[arg-type]


def features_of(pixels: Pixels, manifest: Manifest) -> FloatArray:
    assert isinstance(manifest.input, ImageInput)
    return image_features(pixels, manifest.input)


def answers(manifest: Path) -> list[str]:
    """Returns the pack's most likely own label for a picture of each label."""
    pack = load_pack(manifest)
    classifier, rng = Classifier(pack), np.random.default_rng(7)
    features = (features_of(picture(index, rng), pack.manifest) for index in range(4))
    each = (classifier.classify(one).native for one in features)
    return [max(one, key=lambda label: one[label]) for one in each]


@pytest.mark.parametrize(
    "name",
    [
        "quarters.keras",
        "quarters.h5",
        "saved",
        "float.tflite",
        "float-ends.tflite",
        "uint8-ends.tflite",
    ],
)
def test_every_format_becomes_an_int8_pack_that_answers_as_its_original(
    name: str, models: Path, pictures: Path, tmp_path: Path
) -> None:
    found = import_model(requested(models / name, tmp_path, data=[pictures]))
    pack = load_pack(found.manifest_path)
    check_integer(pack.model)
    assert answers(found.manifest_path) == list(LABELS)
    assert [row.agreement for row in found.rows] == [1.0] * len(found.rows)
    assert [row.accuracy for row in found.rows] == [1.0] * len(found.rows)
    assert found.rows[0].size_bytes > 0
    assert found.measured == 32  # the test split alone
    figures = {one.metric: one.value for one in pack.manifest.metrics}
    assert figures["agreement"] == figures["accuracy"] == 1.0


def test_a_model_that_ends_in_a_softmax_is_not_softmaxed_twice(
    models: Path, pictures: Path, tmp_path: Path
) -> None:
    found = import_model(requested(models / "quarters.keras", tmp_path, data=[pictures]))
    features = features_of(picture(1, np.random.default_rng(1)), found.manifest)
    native = Classifier(load_pack(found.manifest_path)).classify(features).native
    # A softmax of probabilities of four labels is at most e / (e + 3) = 0.48.
    assert native["happy"] > 0.8
    pack = load_pack(found.manifest_path)
    manifest = msgspec.structs.replace(pack.manifest, output="logits", temperature=1.0)
    model = (models / "int8-ends.tflite").read_bytes()  # which no `import` took its softmax off
    made_elsewhere = Classifier(msgspec.structs.replace(pack, manifest=manifest, model=model))
    assert made_elsewhere.classify(features).native["happy"] > 0.8


def test_probabilities_that_no_softmax_made_are_found_by_measurement(
    pictures: Path, tmp_path: Path
) -> None:
    image = keras.Input((SIDE, SIDE, 1))
    softer = keras.layers.Softmax()(keras.layers.Rescaling(0.5)(quarters(end=None)(image)))
    ensemble = keras.Model(image, keras.layers.Average()([quarters()(image), softer]))
    ensemble.save(tmp_path / "shares.keras")
    found = import_model(requested(tmp_path / "shares.keras", tmp_path, data=[pictures]))
    assert found.manifest.output == "probabilities"
    assert found.rows[-1].agreement == 1.0
    features = features_of(picture(2, np.random.default_rng(1)), found.manifest)
    plain = msgspec.structs.replace(found.manifest, temperature=1.0)
    pack = msgspec.structs.replace(load_pack(found.manifest_path), manifest=plain)
    native = Classifier(pack).classify(features).native
    wanted = np.asarray(ensemble(features[None]))[0]
    assert np.abs(np.array(list(native.values())) - wanted).max() < 0.02


def test_logits_are_found_by_measurement(pictures: Path, tmp_path: Path) -> None:
    quarters(end=None).save(tmp_path / "logits.keras")
    found = import_model(requested(tmp_path / "logits.keras", tmp_path, data=[pictures]))
    assert found.manifest.output == "logits"
    assert answers(found.manifest_path) == list(LABELS)


@pytest.mark.parametrize(
    ("scale", "sentence", "normalization", "value"),
    [
        (1 / 255, "16x16 grey 0..1", "unit", 178 / 255),
        (2 / 255, "16x16 -1..1", "signed_unit", 2 * 178 / 255 - 1),
        (1.0, "grey 0..255", "affine", 178.0),
        (1 / 51, "0..255 mean=127 std=51", "affine", 1.0),
        (1 / 60, "standardized", "standardized", 0.0),
    ],
)
def test_pixels_have_the_range_that_the_sentence_says(
    scale: float, sentence: str, normalization: str, value: float, pictures: Path, tmp_path: Path
) -> None:
    quarters(scale=scale).save(tmp_path / "scaled.keras")
    request = requested(tmp_path / "scaled.keras", tmp_path, data=[pictures], input=sentence)
    found = import_model(request)
    assert found.manifest.input.normalization == normalization  # type: ignore[union-attr]
    grey = np.full((SIDE, SIDE), 178, np.uint8)
    assert features_of(grey, found.manifest) == pytest.approx(value, abs=1e-6)
    assert answers(found.manifest_path) == list(LABELS)


def test_a_network_that_scales_grey_levels_itself_needs_no_sentence(
    pictures: Path, tmp_path: Path
) -> None:
    inner = quarters()
    image = keras.Input((SIDE, SIDE, 1))
    keras.Model(image, inner(keras.layers.Rescaling(1 / 255)(image))).save(tmp_path / "own.keras")
    found = import_model(requested(tmp_path / "own.keras", tmp_path, data=[pictures], input=""))
    assert answers(found.manifest_path) == list(LABELS)
    assert "input: 16x16 grey (grey level - 0) / 1" in found.notes


def test_the_range_of_a_quantized_model_is_read_from_its_scale(
    models: Path, pictures: Path, tmp_path: Path
) -> None:
    found = import_model(
        requested(models / "uint8-ends.tflite", tmp_path, data=[pictures], input="")
    )
    assert found.manifest.input.normalization == "unit"  # type: ignore[union-attr]


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_channels_come_in_the_order_of_the_sentence(colour: str, tmp_path: Path) -> None:
    brightest_channel().save(tmp_path / "colours.keras")
    request = requested(
        tmp_path / "colours.keras", tmp_path, labels="angry,happy,sad", input=f"{colour} 0..1"
    )
    pack = load_pack(import_model(request).manifest_path)
    red = np.zeros((SIDE, SIDE, 3), np.uint8)
    red[..., 2] = 255  # OpenCV's order is BGR
    native = Classifier(pack).classify(features_of(red, pack.manifest)).native
    assert max(native, key=lambda label: native[label]) == {"rgb": "angry", "bgr": "sad"}[colour]


@pytest.mark.parametrize("layout", ["channels first", "without channel", "one row"])
def test_other_layouts_of_a_picture_are_fitted_to_the_device(
    layout: str, pictures: Path, tmp_path: Path
) -> None:
    inner = quarters(flat=True)
    shape = {"channels first": (1, SIDE, SIDE), "without channel": (SIDE, SIDE)}.get(layout)
    image = keras.Input(shape or (SIDE * SIDE,))
    flat = keras.layers.Reshape((SIDE * SIDE,))(image) if shape else image
    keras.Model(image, inner(flat)).save(tmp_path / "layout.keras")
    found = import_model(requested(tmp_path / "layout.keras", tmp_path, data=[pictures]))
    assert answers(found.manifest_path) == list(LABELS)
    assert found.rows[-1].agreement == 1.0


def test_a_picture_in_colour_with_channels_first_keeps_its_channels(tmp_path: Path) -> None:
    inner = brightest_channel()
    image = keras.Input((3, SIDE, SIDE))
    model = keras.Model(image, inner(keras.layers.Permute((2, 3, 1))(image)))
    model.export(tmp_path / "first", verbose=False)
    request = requested(tmp_path / "first", tmp_path, labels="angry,happy,sad", input="0..1")
    found = import_model(request)
    pack = load_pack(found.manifest_path)
    green = np.zeros((SIDE, SIDE, 3), np.uint8)
    green[..., 1] = 255
    native = Classifier(pack).classify(features_of(green, pack.manifest)).native
    assert max(native, key=lambda label: native[label]) == "happy"


def test_own_labels_are_mapped_or_stay_native(models: Path, pictures: Path, tmp_path: Path) -> None:
    plain = import_model(requested(models / "float.tflite", tmp_path, data=[pictures]))
    assert plain.manifest.label_map["engaged"] is None
    assert any("none of the seven emotions: engaged" in note for note in plain.notes)
    mapped = import_model(
        requested(
            models / "float.tflite", tmp_path, data=[pictures], label_map=["engaged=surprise"]
        )
    )
    features = features_of(picture(3, np.random.default_rng(1)), mapped.manifest)
    answer = Classifier(load_pack(mapped.manifest_path)).classify(features)
    assert EMOTIONS[int(answer.probabilities.argmax())] == "surprise"
    assert answer.native["engaged"] > 0.8


def test_folders_with_other_names_of_the_emotions_are_read(models: Path, tmp_path: Path) -> None:
    root = write_pictures(tmp_path / "own", 20, splits=())
    (root / "angry").rename(root / "Anger")
    (root / "happy").rename(root / "HAPPINESS")
    (root / "sad").rename(root / "bored")
    found = import_model(requested(models / "float.tflite", tmp_path, data=[root]))
    assert found.measured == 30  # a random half of three labels
    assert any(
        "no label is called 'bored': its 20 files are left out" in one for one in found.notes
    )
    assert found.rows[-1].accuracy == 1.0


def test_samples_without_labels_set_the_scales_and_give_the_agreement(
    models: Path, pictures: Path, tmp_path: Path
) -> None:
    shutil.copytree(pictures / "test" / "happy", tmp_path / "faces")
    found = import_model(requested(models / "float.tflite", tmp_path, data=[tmp_path / "faces"]))
    assert found.measured == 8
    assert (found.rows[-1].agreement, found.rows[-1].accuracy) == (1.0, None)
    assert any("no folder is named after a label" in note for note in found.notes)


def test_without_data_made_up_samples_set_the_scales_with_a_warning(
    models: Path, tmp_path: Path
) -> None:
    found = import_model(requested(models / "quarters.keras", tmp_path))
    assert any(note.startswith("no --data: 40 made-up check samples") for note in found.notes)
    assert found.rows[-1].accuracy is None
    assert [one.metric for one in found.manifest.metrics] == ["agreement"]


def test_the_pack_has_check_samples_that_it_passes(
    models: Path, pictures: Path, tmp_path: Path
) -> None:
    found = import_model(requested(models / "quarters.h5", tmp_path, data=[pictures]))
    pack = load_pack(found.manifest_path)
    run = sample_runner(pack)
    assert pack.manifest.checks
    assert all(one.deviation(run(one)) <= one.tolerance for one in pack.manifest.checks)


def test_the_command_prints_the_figures_and_writes_the_pack(
    models: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["import", models / "quarters.keras", "--modality", "face", "--labels", LIST]
    options = ["--data", pictures, "--input", GREY, "--models", tmp_path, "--name", "mine"]
    assert convert(monkeypatch, *command, *options, "--licence", "MIT") == 0
    printed = capsys.readouterr().out
    assert "int8 pack" in printed
    assert "output: ends in a softmax, which is taken off" in printed
    manifest = load_pack(tmp_path / "mine.json").manifest
    assert manifest.licence == "MIT"
    assert manifest.origin == "imported from quarters.keras"


def test_an_imported_pack_is_evaluated_on_data_with_other_names_of_its_labels(
    models: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels = "engaged,Angry,happy,sad"  # wrong for the network, so that figures are not all 1
    options = {"labels": labels, "name": "face", "folder": tmp_path / "packs"}
    import_model(requested(models / "float.tflite", tmp_path, data=[pictures], **options))
    data = write_pictures(tmp_path / "own", 3, ("train", "val", "test"))
    command = ["evaluate", "face", "--data", data, "--models", tmp_path / "packs"]
    manifest = tmp_path / "packs" / "face.json"
    before = manifest.read_bytes()
    assert convert(monkeypatch, *command) == 0
    printed = capsys.readouterr().out
    assert "read as train/val/test, each with EMOTION" in printed
    assert "│ engaged" in printed
    assert "These samples may have taught the model" in printed
    assert manifest.read_bytes() == before
    assert convert(monkeypatch, *command, "--save") == 0
    figures = {
        one.metric: one for one in load_pack(manifest).manifest.metrics if one.dataset == "own"
    }
    assert figures["accuracy"].n == 12
    # angry is taken for engaged, happy for angry, sad for happy
    assert figures["accuracy"].value == 0.0
    assert figures["precision_happy"].value == 0.0


def test_the_pack_runs_as_the_configuration_names_it(
    models: Path, pictures: Path, tmp_path: Path
) -> None:
    found = import_model(requested(models / "saved", tmp_path, data=[pictures]))
    config = tmp_path / "own.yaml"
    config.write_text(f"models: {{face: {{model: {found.manifest_path}}}}}\n")
    image = pictures / "test" / "sad" / "0.png"
    command = [sys.executable, "-m", "edge.cli", "predict", "--json", "--cropped"]
    done = subprocess.run(
        [*command, "--config", config, image], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    assert answer["emotion"] == "sad"
    assert answer["native"]["sad"] > 0.8
    assert list(answer["native"]) == list(LABELS)


def test_another_pack_is_never_replaced(models: Path, pictures: Path, tmp_path: Path) -> None:
    shutil.copy(models / "float.tflite", tmp_path / "face.tflite")
    (tmp_path / "face.json").write_text("{}")
    with pytest.raises(ModelImportError, match="is another pack; give another --name"):
        import_model(requested(models / "float.tflite", tmp_path, name="face", folder=tmp_path))
    with pytest.raises(ModelImportError, match="would replace the model itself"):
        import_model(requested(models / "float.tflite", tmp_path, folder=models))


def _two_inputs(path: Path) -> None:
    inputs = [keras.Input((4,), name=name) for name in ("face", "voice")]
    joined = keras.layers.Concatenate()(inputs)
    keras.Model(inputs, keras.layers.Dense(4)(joined)).save(path)


def _not_a_number(path: Path) -> None:
    model = quarters()
    model.get_layer("emotion").set_weights([np.full((4, 4), np.nan), np.zeros(4)])
    model.save(path)


def _pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))


def _open_size(path: Path) -> None:
    image = keras.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    keras.Model(image, pooled).save(path)


def _sine(path: Path) -> None:
    image = keras.Input((SIDE, SIDE, 1))
    odd = keras.ops.sin(quarters(end=None)(image))
    keras.Model(image, keras.layers.Dense(4)(odd)).save(path)


def _error_function(path: Path) -> None:
    image = keras.Input((SIDE, SIDE, 1))
    odd = keras.ops.erf(quarters(end=None)(image))
    keras.Model(image, keras.layers.Dense(4)(odd)).save(path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_two_inputs, r"one input, found 2 \(face, voice\)"),
        (_not_a_number, "16 weights of .* are not numbers: its training diverged"),
        (_pickled, "not a Keras file, but a pickle, which could run any code"),
        (_sine, r"no int8 form of SIN \(layer .*Sin\); replace these layers"),
        (_error_function, r"no int8 operator for Erf \(layer .*Erf\); replace these layers"),
        (_open_size, r'\? x \? x 3; give the size .* --input "96x96 rgb 0..1"'),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_with_what_to_do(
    write: object, message: str, tmp_path: Path
) -> None:
    write(tmp_path / "odd.keras")  # type: ignore[operator]
    with pytest.raises(ModelImportError, match=message):
        import_model(requested(tmp_path / "odd.keras", tmp_path, input="0..1"))
    assert not list(tmp_path.glob("packs/*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "angry,happy"}, "answers 4 values, --labels names 2"),
        ({"labels": "angry,happy,sad,sad"}, "names 'sad' twice"),
        ({"labels": "angry"}, "expected at least two"),
        ({"label_map": ["bored=sad"]}, "no label is called 'bored'"),
        ({"label_map": ["engaged=glad"]}, "'glad' is no emotion; use angry"),
        ({"input": ""}, 'range of its pixels .* --input "16x16 grey 0..1"'),
        ({"input": "48x48 grey 0..1"}, "takes pictures of 16x16, --input says 48x48"),
        ({"input": "rgb 0..1"}, "takes 1 channels, --input says rgb"),
        ({"input": "grey 1..0"}, r"range 1\.\.0 is not ascending"),
        ({"input": "grey warm"}, "'warm' is not understood"),
        ({"input": "0..1 mean=1,2"}, "mean has 2 values for 1 channels"),
        ({"name": "detector-short"}, "a name that is not a detector's"),
        ({"modality": "text"}, "a text model takes a row of hashed n-grams"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_what_to_do(
    options: dict[str, object], message: str, models: Path, tmp_path: Path
) -> None:
    with pytest.raises(EmotiondError, match=message):
        import_model(requested(models / "float.tflite", tmp_path, **options))


def test_other_files_are_refused_with_what_to_do(models: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"torch")
    (tmp_path / "broken.tflite").write_bytes(b"1234TFL3 and nothing else")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "huge.h5").open("wb") as file:
        file.truncate(2_000_000_000)  # takes no room on the disk
    for name, message in (
        ("model.pt", r"\.pt is no known format; expected a SavedModel folder, or \.keras"),
        ("broken.tflite", "LiteRT cannot load this file"),
        ("folder", "no SavedModel, saved_model.pb is missing; give the folder that"),
        ("huge.h5", "2,000 MB; models of up to 500 MB"),
        ("missing.h5", "no such file"),
    ):
        with pytest.raises(ModelImportError, match=message):
            import_model(requested(tmp_path / name, tmp_path))


def test_a_saved_model_without_a_signature_is_refused(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(ModelImportError, match="this SavedModel has no signature"):
        import_model(requested(tmp_path / "bare", tmp_path))


def test_photographs_are_cropped_and_a_picture_without_a_face_is_left_out(
    models: Path, tmp_path: Path
) -> None:
    root = write_pictures(tmp_path / "own", splits=())
    cv2.imwrite(str(root / "angry" / "landscape.png"), np.zeros((480, 640), np.uint8))
    found = import_model(requested(models / "float.tflite", tmp_path, data=[root]))
    assert any(
        "1 files left out" in one and "no face in this photograph" in one for one in found.notes
    )
