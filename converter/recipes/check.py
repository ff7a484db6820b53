"""Checks a recipe before its first step: what its steps name must exist by then."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from converter import steps
from converter.options import TextTraining, Training
from converter.recipes.recipe import NAME, OWN, Recipe, Step
from edge.errors import EmotiondError

Fault = tuple[int, str]
"""A line of the recipe, and a sentence."""


def check_steps(recipe: Recipe) -> None:
    """Raises EmotiondError, one line per fault, for names and files that do not exist."""
    trained: list[str] = []
    faults: list[Fault] = []
    for step in recipe.steps:
        if isinstance(step.options, Training):
            faults += _training_faults(step, step.options, trained, recipe.modality)
            trained.append(step.run or recipe.modality)
        else:
            faults += _use_faults(step, trained)
    if faults:
        raise EmotiondError("\n".join(recipe.fault(*one) for one in sorted(faults)))


def _training_faults(
    step: Step, options: Training, trained: Sequence[str], modality: str
) -> Iterator[Fault]:
    line = step.lines[""]
    if options.run and not NAME.fullmatch(options.run):
        yield step.lines["run"], f"run: {options.run!r}: use letters, digits and - _"
    if (options.run or modality) in trained:
        yield line, f"run: two trainings are called {options.run or modality}; rename one"
    if options.weights and options.weights not in trained and not Path(options.weights).is_file():
        yield step.lines["weights"], _missing("weights", options.weights, "file", trained)
    for one in options.teacher:
        if one not in trained and not Path(one).is_dir():
            yield step.lines["teacher"], _missing("teacher", one, "folder of a run", trained)
    if options.start:
        try:
            steps.find_pack(options.start, modality)
        except EmotiondError as error:
            yield step.lines["from"], str(error).removeprefix("--")
    if isinstance(options, TextTraining) and options.encoder and not Path(options.encoder).is_dir():
        yield (
            step.lines["encoder"],
            f"encoder: the folder {options.encoder} does not exist; put the sentence encoder "
            "there, or write the path of its folder",
        )


def _use_faults(step: Step, trained: Sequence[str]) -> Iterator[Fault]:
    if not trained:
        yield step.lines[""], f"{step.kind}: no training before it; put a `train` step first"
    elif step.run and step.run not in trained:
        yield step.lines["run"], _missing("run", step.run, "", trained)


def _missing(key: str, value: str, kind: str, trained: Sequence[str]) -> str:
    close = difflib.get_close_matches(value, trained, n=1)
    names = f"did you mean {close[0]}?" if close else f"earlier trainings: {', '.join(trained)}"
    if not trained:
        names = "no training is before it"
    or_file = f" nor a {kind} that exists" if kind else ""
    neither = "neither" if kind else "not"
    remedy = f"; {names}" + (f", or give the path of the {kind}" if kind else "")
    return f"{key}: {value} is {neither} an earlier training{or_file}{remedy}"


def check_data(recipe: Recipe, found: Sequence[str]) -> None:
    """Raises EmotiondError, one line per fault, for data sets that are not given."""
    faults = [(recipe.lines["data"], name) for name in recipe.data if name not in found]
    for step in recipe.steps:
        for name in getattr(step.options, "only", ()):
            if name not in found and name not in recipe.data:
                faults.append((step.lines["only"], name))
    if faults:
        given = ", ".join(found)
        raise EmotiondError(
            "\n".join(
                recipe.fault(
                    line,
                    f"data: {name} is missing; given: {given}. Add --data with its "
                    f"folder or zip, or use --recipe {OWN}{recipe.modality} for data of your own",
                )
                for line, name in faults
            )
        )
