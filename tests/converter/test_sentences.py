"""A sentence encoder as teacher of the text model: a very small BERT in the published layout."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy.special import erf, log_softmax, softmax
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from converter.average import average
from converter.datasets import own_texts
from converter.datasets.texts import LABELS, join
from converter.denials import SHARE
from converter.distil import NEGATIONS, Lessons, teach, vary
from converter.fine_tune import SCHEDULE, SentenceBatches, fine_tune, known_labels
from converter.networks import encoder
from converter.runs import CHECKPOINT, Plan, load_run, origin
from converter.samples import DatasetError, Samples, Splits
from converter.sentences import SentenceTeacher, fingerprint, spell_out
from converter.tasks.base import Schedule
from converter.tasks.text import TextTask
from converter.train import train
from edge.emotions import FloatArray
from edge.errors import EmotiondError
from edge.perception.ngrams import NEGATORS, tokens

SHORT = msgspec.structs.replace(SCHEDULE, epochs=12, batch_size=16, learning_rate=1e-2)
HIDDEN, HEADS, WIDE, BLOCKS = 16, 2, 32, 2
VOCABULARY = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "so", "happy", "sad", "day", "i", "am", "not"]
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": HIDDEN,
    "intermediate_size": WIDE,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "num_attention_heads": HEADS,
    "num_hidden_layers": BLOCKS,
    "vocab_size": len(VOCABULARY),
    "architectures": ["BertModel"],
}


def _weights(seed: int = 0) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> FloatArray:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": draw(len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": draw(64, HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
        "pooler.dense.weight": draw(HIDDEN, HIDDEN),
    }
    shapes = {
        **{f"attention.{part}": (HIDDEN, HIDDEN) for part in ("self.query", "self.key")},
        **{f"attention.{part}": (HIDDEN, HIDDEN) for part in ("self.value", "output.dense")},
        "attention.output.LayerNorm": (HIDDEN,),
        "intermediate.dense": (WIDE, HIDDEN),
        "output.dense": (HIDDEN, WIDE),
        "output.LayerNorm": (HIDDEN,),
    }
    names = {
        f"encoder.layer.{n}.{name}": one for n in range(BLOCKS) for name, one in shapes.items()
    }
    for name, shape in {"embeddings.LayerNorm": (HIDDEN,), **names}.items():
        found[f"{name}.weight"], found[f"{name}.bias"] = draw(*shape), draw(shape[0])
    return found


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    save_file(_weights(), folder / "model.safetensors")
    ids = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def _data(root: Path, *names: str) -> Splits:
    for name in names:
        rows = "".join(f"i am so happy {n},joy\nsad day {n},sadness\n" for n in range(60))
        (root / f"{name}.csv").write_text(f"text,label\n{rows}")
    return join([one for name in names for one in own_texts.load(root / f"{name}.csv")])


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    return _data(tmp_path_factory.mktemp("texts"), "here", "there")


@pytest.fixture(scope="module")
def run(bert: Path, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished teacher."""
    run = tmp_path_factory.mktemp("runs") / "teacher"
    fine_tune(bert, splits, run, Plan(SHORT))
    return run


def _reference(ids: list[int], w: Mapping[str, FloatArray]) -> FloatArray:
    """The mean of the last hidden states, straight from the paper's formulas."""

    def norm(x: FloatArray, name: str) -> FloatArray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return np.asarray(scaled * w[f"{name}.weight"] + w[f"{name}.bias"])

    def dense(x: FloatArray, name: str) -> FloatArray:
        return np.asarray(x @ w[f"{name}.weight"].T + w[f"{name}.bias"])

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for n in range(BLOCKS):
        layer = f"encoder.layer.{n}"
        parts = [dense(x, f"{layer}.attention.self.{one}") for one in ("query", "key", "value")]
        heads = [np.split(part, HEADS, axis=1) for part in parts]
        said = [
            softmax(q @ k.T / np.sqrt(HIDDEN // HEADS), axis=1) @ v
            for q, k, v in zip(*heads, strict=True)
        ]
        joined = dense(np.concatenate(said, axis=1), f"{layer}.attention.output.dense")
        x = norm(x + joined, f"{layer}.attention.output.LayerNorm")
        wide = dense(x, f"{layer}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))
        x = norm(x + dense(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return np.asarray(x.mean(axis=0))


@pytest.mark.parametrize("padding", [0, VOCABULARY.index("day")])
def test_the_encoder_computes_what_its_paper_says_and_padding_does_not_matter(
    padding: int, bert: Path
) -> None:
    architecture = encoder.read_architecture(bert)
    model = encoder.build(architecture, HIDDEN, padding)
    encoder.load_weights(model, architecture, bert)
    model.get_layer("logits").set_weights([np.eye(HIDDEN), np.zeros(HIDDEN)])
    ids = encoder.read_tokenizer(bert).encode("i am so happy").ids
    assert ids == [1, 8, 9, 4, 5, 2]
    expected = _reference(ids, _weights())
    for added in (0, 5):
        found = model.predict(np.array([ids + [padding] * added]), verbose=0)[0]
        assert found == pytest.approx(expected, abs=1e-4)


def test_a_batch_is_filled_up_with_what_the_tokenizer_pads_with(
    bert: Path, splits: Splits, tmp_path: Path
) -> None:
    text = (bert / "tokenizer.json").read_text()
    (tmp_path / "tokenizer.json").write_text(text.replace("[PAD]", "?").replace("day", "<pad>"))
    tokenizer = encoder.read_tokenizer(tmp_path)
    expected = VOCABULARY.index("day")
    assert encoder.padding_id(tokenizer) == expected
    ids, _ = SentenceBatches(tokenizer, splits.train, {"a": ["here"], "b": ["there"]}, 16, 0)[0]
    assert set(ids[:, -1].tolist()) == {expected}


def test_data_sets_of_one_family_share_a_head(bert: Path, tmp_path: Path) -> None:
    splits = _data(tmp_path, "english", "films", "german")
    judged = {
        name: one if name == "films" else replace(one, family="news")
        for name, one in splits.judged.items()
    }
    short = Plan(msgspec.structs.replace(SHORT, epochs=1))
    fine_tune(bert, replace(splits, judged=judged), tmp_path / "run", short)
    teacher = SentenceTeacher(tmp_path / "run")
    assert teacher.heads.families == ("news", "films")
    assert teacher.heads.known == dict.fromkeys(("news", "films"), ("joy", "sadness"))
    assert list(teacher.heads.learned) == splits.datasets
    assert teacher.answer(["so happy"]).shape == (1, len(LABELS))


def test_every_head_learns_denials_and_is_not_judged_by_them(
    bert: Path, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[Samples] = []

    class Recorded(SentenceBatches):
        def __init__(self, tokenizer: Tokenizer, samples: Samples, *rest: Any) -> None:
            learned.append(samples)
            super().__init__(tokenizer, samples, *rest)

    monkeypatch.setattr("converter.fine_tune.SentenceBatches", Recorded)
    fine_tune(bert, splits, tmp_path, Plan(msgspec.structs.replace(SHORT, epochs=1)))
    train, held_back = learned
    added = train.subset(np.arange(len(splits.train), len(train)))
    assert len(added) == round(len(splits.train) * SHARE)
    assert set(added.groups) == set(splits.datasets)
    assert all(any(word in NEGATORS for word in tokens(text)) for text in added.inputs)
    assert held_back.inputs == splits.held_back.inputs


def test_a_folder_that_is_no_encoder_is_refused(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match=r"no config\.json, model\.safetensors, tokenizer"):
        encoder.read_architecture(tmp_path)
    shutil.copytree(bert, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"model_type": "t5"}))
    with pytest.raises(EmotiondError, match=r"config\.json: not of a BERT that is known"):
        encoder.read_architecture(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(EmotiondError, match=r"tokenizer\.json: not a tokenizer"):
        encoder.read_tokenizer(tmp_path)
    text = (bert / "tokenizer.json").read_text().replace("[PAD]", "<s>")
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(EmotiondError, match=r"no token \[PAD\] or <pad>; it takes one to pad"):
        encoder.read_tokenizer(tmp_path)
    architecture = encoder.read_architecture(bert)
    model = encoder.build(architecture, 7, padding=0)
    weights = load_file(bert / "model.safetensors")
    weights["encoder.layer.1.output.dense.weight"] = np.zeros((3, 3), np.float32)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(EmotiondError, match=r"no weights of layer\.1\.narrow that fit"):
        encoder.load_weights(model, architecture, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(EmotiondError, match="not weights"):
        encoder.load_weights(model, architecture, tmp_path)


def test_a_teacher_learns_and_is_asked_but_once(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("answers"))
    teacher = SentenceTeacher(tmp_path / "run")
    assert teacher.heads.families == ("here", "there")
    texts = ["i am so happy 99", "sad day 99"]
    first = teacher.answer(texts)
    assert [LABELS[index] for index in first.argmax(axis=1)] == ["joy", "sadness"]
    assert first.sum(axis=1) == pytest.approx(1, abs=1e-5)
    (kept,) = (tmp_path / "run" / "answers").iterdir()
    np.save(kept, np.load(kept)[::-1])
    assert np.array_equal(teacher.answer(texts), first[::-1])
    assert teacher.answer(texts[::-1]) == pytest.approx(first[::-1], abs=1e-3)


def test_a_teacher_says_the_geometric_mean_of_its_heads(run: Path) -> None:
    teacher = SentenceTeacher(run)
    model = keras.models.load_model(run / "model.keras", compile=False)
    ids = encoder.read_tokenizer(run).encode("so happy").ids
    heads = softmax(model.predict(np.array([ids]), verbose=0).reshape(2, len(LABELS)), axis=1)
    mean = np.sqrt(heads[0] * heads[1])
    assert teacher.answer(["so happy"])[0] == pytest.approx(mean / mean.sum(), abs=1e-4)


def _saying(run: Path, folder: Path, logits: FloatArray) -> SentenceTeacher:
    """A copy of a teacher whose heads say this of the text `so`; `logits` is float32[2, labels]."""
    shutil.copytree(run, folder, dirs_exist_ok=True)
    (folder / "answers").mkdir(exist_ok=True)
    np.save(folder / "answers" / f"{fingerprint(['so'])}.npy", logits[None])
    return SentenceTeacher(folder)


JOY, SADNESS = LABELS.index("joy"), LABELS.index("sadness")
OPPOSED = np.zeros((2, len(LABELS)), np.float32)
OPPOSED[:, [JOY, SADNESS]] = [[3, 0], [-2, 1]]


@pytest.mark.parametrize(
    ("weights", "nepers"), [((), 0.0), ((1, 0), 3.0), ((0, 1), -3.0), ((0.5, 1), -1.5)]
)
def test_heads_are_weighed_as_asked_for(
    weights: tuple[float, ...], nepers: float, run: Path, tmp_path: Path
) -> None:
    (answer,) = _saying(run, tmp_path, OPPOSED).answer(["so"], weights)
    assert np.log(answer[JOY] / answer[SADNESS]) == pytest.approx(nepers, abs=1e-5)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.0, 0.0), (2.0, -1.0)])
def test_weights_that_make_no_answer_are_refused(run: Path, weights: tuple[float, ...]) -> None:
    with pytest.raises(EmotiondError, match=r"weights, \d in all, for 2 heads \(here, there\)"):
        SentenceTeacher(run).answer(["so"], weights)


def test_a_label_that_a_head_knows_nothing_of_is_left_to_the_others(
    run: Path, tmp_path: Path
) -> None:
    heads = json.loads((run / "heads.json").read_text())
    assert heads["known"] == {name: ["joy", "sadness"] for name in ("here", "there")}
    _saying(run, tmp_path, OPPOSED)
    heads["known"]["there"] = ["sadness"]
    (tmp_path / "heads.json").write_text(json.dumps(heads))
    here, there = log_softmax(OPPOSED, axis=1)
    expected = (here + there) / 2
    expected[JOY] = here[JOY]
    answer = SentenceTeacher(tmp_path).answer(["so"])[0]
    assert answer == pytest.approx(softmax(expected), abs=1e-5)


def test_a_label_of_stray_samples_is_not_known(splits: Splits) -> None:
    train = splits.train
    assert known_labels(train) == ("joy", "sadness")
    targets = np.tile(np.eye(len(LABELS), dtype=np.float32)[JOY], (2000, 1))
    targets[0] = np.eye(len(LABELS))[SADNESS]
    assert known_labels(Samples(LABELS, [""] * 2000, targets, ("here",) * 2000)) == ("joy",)


def test_a_teacher_reads_emoji_and_emoticons_by_their_names() -> None:
    assert spell_out("fine :-)))").split() == ["fine", "smiling", "face"]
    named = spell_out(">:( =D xD :'-( <33")
    assert " ".join(named.split()) == "angry face grinning face laughing face crying face love"
    assert spell_out("no 😡!").split() == ["no", "pouting", "face", "!"]
    for text in ("10:30 (a) don't C:/x", "exd :3 1 < 3", "a \U0010ffff", ""):
        assert spell_out(text) == text


def test_an_unfinished_teacher_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match="no finished run of a sentence encoder"):
        SentenceTeacher(tmp_path)
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    heads = json.loads((run / "heads.json").read_text())
    (tmp_path / "heads.json").write_text(json.dumps(heads | {"families": ["here"]}))
    with pytest.raises(EmotiondError, match=r"the model there is not that of heads\.json"):
        SentenceTeacher(tmp_path)


def test_a_run_is_resumed_with_the_same_encoder_and_data(
    run: Path, bert: Path, splits: Splits, tmp_path: Path
) -> None:
    with pytest.raises(EmotiondError, match="no checkpoint to resume from"):
        fine_tune(bert, splits, run, Plan(SHORT, resume=True))
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / CHECKPOINT).mkdir()
    resume = Plan(SHORT, resume=True)
    fewer = replace(splits, train=splits.train.of_groups({"here"}))
    with pytest.raises(EmotiondError, match="was begun with another data"):
        fine_tune(bert, fewer, tmp_path / "run", resume)
    other = shutil.copytree(bert, tmp_path / "bert")
    save_file(_weights(seed=1), other / "model.safetensors")
    with pytest.raises(EmotiondError, match="was begun with another encoder"):
        fine_tune(other, splits, tmp_path / "run", resume)
    with pytest.raises(EmotiondError, match="begins from its own weights, and has no teachers"):
        fine_tune(bert, splits, tmp_path / "run", replace(resume, teachers=[run]))


@pytest.mark.parametrize("seed", range(4))
def test_two_widths_come_first_whatever_the_order(bert: Path, seed: int) -> None:
    texts = ["so happy"] * 60 + ["so happy day " * 5] * 4
    targets = np.eye(len(LABELS), dtype=np.float32)[[3] * 64]
    samples = Samples(LABELS, texts, targets, ("here",) * 64)
    batches = SentenceBatches(encoder.read_tokenizer(bert), samples, {"here": ["here"]}, 4, seed)
    assert {batches[0][0].shape[1], batches[1][0].shape[1]} == {8, 24}
    assert sum(len(batches[index][0]) for index in range(len(batches))) == 64


def test_variations_are_parts_of_texts() -> None:
    rng = np.random.default_rng(0)
    text, other = "one two three four", "five six seven"
    found = {vary(text, other, rng) for _ in range(300)}
    assert {"one two", "two three four", "three", "one two four", "one two six seven"} < found
    assert {"one", "one one"} < {vary("one", "one", rng) for _ in range(50)}


def test_some_variations_are_negated() -> None:
    rng = np.random.default_rng(0)
    found = {vary("one two", "three", rng) for _ in range(3000)}
    negated = {text for text in found if not set(text.split()) <= {"one", "two", "three"}}
    assert negated == {f"{n} {run}" for n in NEGATIONS for run in ("one", "two", "one two")}


def test_targets_are_shared_between_labels_and_teacher(run: Path, splits: Splits) -> None:
    before = splits.train.targets.copy()
    taught = teach(splits.train, [run], 0.25, 0, Lessons(variations=1400))
    assert np.array_equal(splits.train.targets, before)
    groups = np.array(taught.groups)
    for dataset in ("here", "there"):
        own = splits.train.of_groups({dataset})
        rows = np.flatnonzero(groups == dataset)
        assert [taught.inputs[row] for row in rows[: len(own)]] == list(own.inputs)
        said = SentenceTeacher(run).answer(own.inputs)
        expected = 0.75 * own.targets + 0.25 * said
        assert taught.targets[rows[: len(own)]] == pytest.approx(expected, abs=1e-3)
        assert 700 <= len(rows) - len(own) < 700 + len(own)
    assert taught.targets.sum(axis=1) == pytest.approx(1, abs=1e-4)


def _other(run: Path, folder: Path, **changed: object) -> SentenceTeacher:
    """A copy of a teacher with other heads and, without them, the answers of another."""
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("answers"))
    heads = json.loads((run / "heads.json").read_text())
    (folder / "heads.json").write_text(json.dumps(heads | changed))
    model = keras.models.load_model(run / "model.keras", compile=False)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([-kernel, bias])
    model.save(folder / "model.keras")
    return SentenceTeacher(folder)


def test_the_first_that_learned_from_a_data_set_teaches_it(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    learned = json.loads((run / "heads.json").read_text())["learned"]
    only_here = _other(run, tmp_path / "first", learned={"here": learned["here"]})
    weights = ((0.5, 0.25), (0.75, 0.5))
    lessons = Lessons(head_weights=weights, variations=1000)
    taught = teach(splits.train, [only_here.run, run], 1.0, 0, lessons)
    groups = np.array(taught.groups)
    of_each = zip(("here", "there"), (only_here, SentenceTeacher(run)), weights, strict=True)
    for dataset, teacher, weighed in of_each:
        own = splits.train.of_groups({dataset})
        rows = np.flatnonzero(groups == dataset)
        said = teacher.answer(own.inputs, weighed)
        assert taught.targets[rows[: len(own)]] == pytest.approx(said, abs=1e-6)
        assert 1000 <= len(rows) - len(own) < 1000 + len(own)
    with pytest.raises(EmotiondError, match="for 1 teachers of 2; give --head-weights once for"):
        teach(splits.train, [only_here.run, run], 1.0, 0, Lessons(head_weights=weights[:1]))
    with pytest.raises(EmotiondError, match="first: this teacher is left no data set to teach"):
        teach(splits.train, [run, only_here.run], 1.0, 0, Lessons())


def test_what_is_untaught_keeps_its_labels_and_leaves_others_their_variations(
    run: Path, splits: Splits
) -> None:
    both = teach(splits.train, [run], 1.0, 0, Lessons(variations=2))
    some = teach(splits.train, [run], 1.0, 0, Lessons(variations=2, untaught=["here"]))
    here, own = some.of_groups({"here"}), splits.train.of_groups({"here"})
    assert here.inputs == own.inputs
    assert np.array_equal(here.targets, own.targets)
    assert some.of_groups({"there"}).inputs == both.of_groups({"there"}).inputs


def test_a_teacher_of_other_data_or_labels_is_refused(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    elsewhere = replace(splits.train, groups=("elsewhere",) * len(splits.train))
    with pytest.raises(EmotiondError, match="learned from here, there; --data has nothing of it"):
        teach(elsewhere, [run], 0.5, 0, Lessons())
    changed = replace(splits.train, inputs=[f"{text}." for text in splits.train.inputs])
    with pytest.raises(EmotiondError, match="learned from other texts of here; train it again"):
        teach(changed, [run], 0.5, 0, Lessons())
    turned = _other(run, tmp_path / "turned", labels=LABELS[::-1])
    with pytest.raises(EmotiondError, match="answers by other labels"):
        teach(splits.train, [turned.run], 0.5, 0, Lessons())


def test_a_model_tells_what_its_teacher_learned_from(
    run: Path, splits: Splits, tmp_path: Path
) -> None:
    heads = msgspec.json.decode((run / "heads.json").read_bytes())
    heads["origin"] = {"trained_on": ["films train"], "licence": "CC BY 4.0 (films)"}
    shutil.copytree(run, tmp_path / "teacher", ignore=shutil.ignore_patterns("answers"))
    (tmp_path / "teacher" / "heads.json").write_bytes(msgspec.json.encode(heads))
    schedule = Schedule(epochs=1, batch_size=64, learning_rate=1e-3, patience=1)
    plan = Plan(schedule, teachers=(tmp_path / "teacher",))
    train(TextTask(variations=100), splits, tmp_path / "run", plan)
    told = origin(tmp_path / "run", splits)
    assert told.trained_on == (*splits.trained_on, "films train")
    assert told.licence == f"{splits.licence}; CC BY 4.0 (films)"
    weights = tmp_path / "run" / "model.keras"
    train(TextTask(), splits, tmp_path / "next", Plan(schedule, weights=weights))
    assert origin(tmp_path / "next", splits) == told
    (tmp_path / "next" / "settings.json").unlink()
    with pytest.raises(EmotiondError, match="nothing tells how this run was begun"):
        origin(tmp_path / "next", splits)


def test_an_average_of_runs_is_a_run_that_names_them(splits: Splits, tmp_path: Path) -> None:
    schedule = Schedule(epochs=1, batch_size=64, learning_rate=1e-3, patience=1)
    runs = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(runs):
        train(TextTask(), splits, folder, Plan(schedule, seed=seed))
    average(runs, tmp_path / "mean")
    (one, spec), (two, _), (mean, its_spec) = map(load_run, [*runs, tmp_path / "mean"])
    assert its_spec == spec
    of_all = zip(one.get_weights(), two.get_weights(), mean.get_weights(), strict=True)
    for first, second, middle in of_all:
        assert middle == pytest.approx((first + second) / 2, abs=1e-6)
    settings = json.loads((tmp_path / "mean" / "settings.json").read_text())
    assert [part["settings"]["seed"] for part in settings["average_of"]] == [0, 1]
    assert origin(tmp_path / "mean", splits) == splits.origin
    with pytest.raises(EmotiondError, match="two runs or more"):
        average(runs[:1], tmp_path / "mean")
    with pytest.raises(EmotiondError, match="no finished training run"):
        average([*runs, tmp_path], tmp_path / "mean")
    seen = json.loads((runs[1] / "input.json").read_text())
    (runs[1] / "input.json").write_text(json.dumps(seen | {"max_characters": 10}))
    with pytest.raises(EmotiondError, match="two: another network, or another input"):
        average(runs, tmp_path / "mean")


def test_only_the_named_data_sets_are_learned_from(tmp_path: Path) -> None:
    for name in ("here", "there"):
        rows = "".join(f"happy {n},joy\nsad {n},sadness\n" for n in range(20))
        (tmp_path / f"{name}.csv").write_text(f"text,label\n{rows}")
    both = [tmp_path / "here.csv", tmp_path / "there.csv"]
    assert TextTask(only=["there"]).load(both).datasets == ["there"]
    with pytest.raises(DatasetError, match="no data set is called 'elsewhere'; found here, there"):
        TextTask(only=["elsewhere"]).load(both)
