"""Learning fusion from made-up models whose strengths are known."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from converter.fusion.exponents import PairSet
from converter.fusion.figures import answer_people, measure_by_halves, measure_fusion
from converter.fusion.learn import fusion_file, learn_fusion
from converter.fusion.network import fit_network
from converter.fusion.people import People
from converter.fusion.simulated_pairs import (
    Cases,
    Predictions,
    draw_pairs,
    pair_metrics,
    with_other_person,
)
from edge.emotions import EMOTIONS, NEUTRAL, softmax
from edge.fusion.model import FusionModel, load_fusion, read_fusion, write_fusion
from edge.fusion.network import Network
from edge.fusion.pooling import STRATEGIES, Strategy, feature, log_linear
from edge.perception.pack import load_pack
from edge.resources import MODELS

KNOWLEDGE = {"face": 4.0, "speech": 2.0, "text": 3.0}
"""Offset of the true label's logit above the others; the noise has a deviation of 1.5."""


def _predictions(seed: int) -> list[Predictions]:
    rng = np.random.default_rng(seed)
    sets = []
    for modality, knowledge in KNOWLEDGE.items():
        truth = rng.integers(0, len(EMOTIONS), 1500)
        logits = knowledge * np.eye(len(EMOTIONS))[truth] + rng.normal(0, 1.5, (1500, 7))
        probabilities = softmax((knowledge / 1.5**2 * logits).astype(np.float32))
        sets.append(Predictions(modality, probabilities, truth))
    return sets


@cache
def _learned() -> FusionModel:
    return learn_fusion(_predictions(seed=0), count=150)


def test_pairs_have_one_label_and_all_labels_equally_often() -> None:
    sets = _predictions(seed=1)
    sets[1] = sets[1].part(np.flatnonzero(sets[1].truth != NEUTRAL))
    cases = draw_pairs(sets, 3000, np.random.default_rng(0))
    assert cases.probabilities.shape == (3000, 3, 7)
    counts = np.bincount(cases.truth, minlength=7)
    assert counts[NEUTRAL] == 0
    assert counts[counts > 0] == pytest.approx(500, rel=0.2)
    face = pair_metrics(cases.select(["face"]).probabilities[:, 0], cases.truth)
    assert face["accuracy"] == pytest.approx(
        (sets[0].probabilities.argmax(axis=1) == sets[0].truth).mean(), abs=0.04
    )


def test_another_person_changes_only_one_modality() -> None:
    cases = draw_pairs(_predictions(seed=1), 1000, np.random.default_rng(0))
    wrong = with_other_person(cases, "speech", np.random.default_rng(1))
    assert np.array_equal(wrong.probabilities[:, [0, 2]], cases.probabilities[:, [0, 2]])
    accuracy = pair_metrics(wrong.select(["speech"]).probabilities[:, 0], wrong.truth)["accuracy"]
    assert accuracy == pytest.approx(1 / 7, abs=0.06)


def test_a_guessing_modality_is_hardly_trusted() -> None:
    _, *others = _predictions(seed=4)
    rng = np.random.default_rng(5)
    guesses = softmax(rng.normal(0, 2, (1500, 7)).astype(np.float32))
    guessing = Predictions("thermal", guesses, rng.integers(0, 7, 1500))
    learned = learn_fusion([guessing, *others], count=150).reliabilities
    assert learned["thermal"].mean() < 0.5 * min(learned[one.modality].mean() for one in others)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_fusion_is_more_accurate_than_the_best_modality(strategy: Strategy) -> None:
    cases = draw_pairs(_predictions(seed=2), 3000, np.random.default_rng(0))
    alone = max(
        pair_metrics(cases.select([n]).probabilities[:, 0], cases.truth)["accuracy"]
        for n in KNOWLEDGE
    )
    together = pair_metrics(cases.fused(strategy, _learned()), cases.truth)
    assert together["accuracy"] > alone + 0.03


def test_a_modality_showing_another_person_does_not_win_against_two() -> None:
    cases = draw_pairs(_predictions(seed=2), 3000, np.random.default_rng(0))
    wrong = with_other_person(cases, "face", np.random.default_rng(1))
    found = pair_metrics(wrong.fused(log_linear, _learned()), wrong.truth)["accuracy"]
    naive = pair_metrics(wrong.fused(log_linear, FusionModel()), wrong.truth)["accuracy"]
    assert found > naive + 0.1


def test_another_person_costs_about_the_same_whichever_modality_shows_them() -> None:
    cases, rng = (
        draw_pairs(_predictions(seed=2), 3000, np.random.default_rng(0)),
        np.random.default_rng(1),
    )
    alone = {name: pair_metrics(cases.alone(name), cases.truth)["accuracy"] for name in KNOWLEDGE}
    costs = []
    for name in KNOWLEDGE:
        wrong = with_other_person(cases, name, rng)
        found = pair_metrics(wrong.fused(log_linear, _learned()), wrong.truth)["accuracy"]
        costs.append(max(value for other, value in alone.items() if other != name) - found)
    assert max(costs) - min(costs) < 0.1


SHOWN = tuple(one for one in range(len(EMOTIONS)) if EMOTIONS[one] != "disgust")


def _people(count: int = 4, clips: int = 24) -> People:
    """People who show all emotions but disgust, weakly, and each with a bias of their own."""
    rng = np.random.default_rng(7)
    truth = np.tile(SHOWN, count * clips // len(SHOWN))
    names = tuple(f"person {n}" for n in range(count) for _ in range(clips))
    bias = np.repeat(rng.normal(0, 1.5, (count, 2, len(EMOTIONS))), clips, axis=0)
    shown = 2.0 * np.eye(len(EMOTIONS))[truth][:, None]
    logits = 2 * (shown + bias + rng.normal(0, 1, bias.shape))
    seconds = np.full(len(truth), 4.0, np.float32)
    return People(softmax(logits.astype(np.float32)), truth, names, seconds)


@cache
def _taught_by_people() -> FusionModel:
    return learn_fusion(_predictions(seed=0), _people(), count=150)


def test_people_who_are_hard_to_read_make_beliefs_less_sure() -> None:
    people = _people().cases
    found = {
        name: pair_metrics(people.fused(log_linear, model), people.truth)["ece"]
        for name, model in (("pairs alone", _learned()), ("people", _taught_by_people()))
    }
    assert found["people"] < found["pairs alone"] - 0.05
    assert _taught_by_people().alone_of("face") < _learned().alone_of("face")
    assert _taught_by_people().alone_of("text") == pytest.approx(_learned().alone_of("text"))


def test_emotions_that_people_do_not_show_are_learned_from_the_pairs() -> None:
    disgust = EMOTIONS.index("disgust")
    cases = draw_pairs(_predictions(seed=2), 700, np.random.default_rng(0))
    shown = cases.truth == disgust
    found = cases.fused(log_linear, _taught_by_people())[shown].argmax(axis=1)
    assert (found == disgust).mean() > 0.8


def test_left_out_people_are_found_better_once_they_are_known() -> None:
    people = _people()
    for others, own in people.left_out():
        assert not set(others.names) & set(own.names)
    answers = answer_people(people, _predictions(seed=0), count=30)
    assert sorted(answers.truth) == sorted(people.truth)
    found = {(one.strategy, one.pairs, one.metric): one.value for one in answers.figures}
    met, known = (found["log_linear", name, "uar"] for name in ("people", "people, known"))
    assert known > met + 0.05


def test_expressions_are_the_mean_evidence_of_those_who_show_them() -> None:
    model = _taught_by_people()
    assert model.expressions.keys() == {"face", "speech"}
    for shown in model.expressions.values():
        assert shown.shape == (7, 7)
        assert (shown.argmax(axis=1) == np.arange(7)).all()


def test_the_network_learns_what_a_product_cannot() -> None:
    """Whoever looks or sounds sad is sad: of two that disagree, no exponent makes that."""
    sad = EMOTIONS.index("sad")
    rng = np.random.default_rng(0)
    shows_sad = rng.random((600, 2)) < 0.5
    logits = rng.normal(0, 0.3, (600, 2, 7))
    logits[..., sad] += np.where(shows_sad, 3, 0)
    logits[..., NEUTRAL] += np.where(shows_sad, 0, 3)
    truth = np.where(shows_sad.any(axis=1), sad, NEUTRAL)
    cases = Cases(softmax(logits.astype(np.float32)), truth, ("face", "speech"))
    rows = np.arange(300)
    taught, asked = (
        Cases(cases.probabilities[part], truth[part], cases.modalities)
        for part in (rows, rows + 300)
    )
    file = fit_network([PairSet(taught, 1.0)], FusionModel(), taught.modalities, 1.0, seed=0)
    assert max(abs(one) for row in file.hidden.weights for one in row) == 127
    model = FusionModel(network=Network(file))
    found = {
        strategy: pair_metrics(asked.fused(strategy, model), asked.truth)["accuracy"]
        for strategy in (log_linear, feature)
    }
    assert found[log_linear] < 0.85
    assert found[feature] > 0.95


def test_the_file_has_everything_and_is_read_again(tmp_path: Path) -> None:
    written = fusion_file(
        _learned(), {"face": "0" * 64}, measure_fusion(_learned(), _predictions(seed=3))
    )
    assert {one.strategy for one in written.figures} == {"alone", *STRATEGIES}
    pairs = {one.pairs for one in written.figures}
    assert {"all", "without face", "speech of somebody else"} < pairs
    assert written.alone.keys() == KNOWLEDGE.keys()
    write_fusion(written, tmp_path / "fusion.json")
    assert read_fusion(tmp_path / "fusion.json") == written
    loaded = load_fusion(tmp_path / "fusion.json")
    for modality, learned in _learned().reliabilities.items():
        assert loaded.reliabilities[modality] == pytest.approx(learned, abs=1e-4)
        assert (learned <= 1).all()
    assert loaded.network == _learned().network
    assert loaded.default_reliability == pytest.approx(
        np.mean(list(loaded.reliabilities.values()), axis=0)
    )


@pytest.mark.slow
def test_figures_are_the_mean_of_both_halves_each_measured_on_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("converter.fusion.figures.MEASURED_COUNT", 100)
    halves = [_predictions(seed=seed)[:2] for seed in (0, 3)]
    found = measure_by_halves(halves, count=20)
    each = [measure_fusion(learn_fusion(a, count=20), b) for a, b in (halves, halves[::-1])]
    for one, first, second in zip(found, *each, strict=True):
        assert (one.strategy, one.pairs, one.metric) == (first.strategy, first.pairs, first.metric)
        assert one.value == pytest.approx((first.value + second.value) / 2)
        assert one.n == first.n + second.n


def test_the_file_that_ships_was_learned_from_the_models_that_ship() -> None:
    shipped = read_fusion(MODELS / "fusion.json")
    for modality, learned_from in shipped.models.items():
        assert learned_from == load_pack(MODELS / f"{modality}.json").manifest.sha256
    assert shipped.models.keys() == {"face", "speech", "text"} == shipped.reliabilities.keys()
    assert shipped.expressions.keys() == {"face", "speech"}


def test_the_file_that_ships_keeps_what_fusion_promises() -> None:
    shipped = read_fusion(MODELS / "fusion.json")
    found = {(one.strategy, one.pairs, one.metric): one.value for one in shipped.figures}
    alone = {name: found["alone", name, "accuracy"] for name in shipped.models}
    assert found["log_linear", "all", "accuracy"] >= max(alone.values()) + 0.06
    for name in alone:
        best = max(value for other, value in alone.items() if other != name)
        assert found["log_linear", f"without {name}", "accuracy"] >= best
        # The face's 0.087 behind a text of somebody else is the most.
        assert found["log_linear", f"{name} of somebody else", "accuracy"] >= best - 0.1
        # The weighted mean has no doubts, and believes the face of somebody else.
        assert found["log_linear", "face of somebody else", "accuracy"] >= (
            found["average", "face of somebody else", "accuracy"] + 0.05
        )
    # People decide how sure a belief may be, so those about pairs are too cautious.
    assert found["log_linear", "all", "ece"] <= 0.25
    for pairs, ece in (("people", 0.12), ("people, known", 0.15)):
        alone = {name: found["alone", f"{pairs}: {name}", "uar"] for name in ("face", "speech")}
        assert found["log_linear", pairs, "ece"] <= ece
        assert found["log_linear", pairs, "uar"] >= max(alone.values()) - 0.02
    assert found["log_linear", "people, known", "uar"] >= max(alone.values()) + 0.05
