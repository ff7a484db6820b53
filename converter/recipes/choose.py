"""Chooses the recipe of `emotion-convert make`, and runs it."""

import argparse
from pathlib import Path

from converter import steps
from converter.recipes.check import check_data
from converter.recipes.make import Making, make_fusion
from converter.recipes.recipe import OWN, Recipe, find_recipe, read_recipe
from edge.errors import EmotiondError
from edge.values import MODALITIES

OUTPUT = Path("made")


def make_by_recipe(arguments: argparse.Namespace) -> Path:
    """Runs the recipe that was named, or that fits the data; returns the path of what it made.

    Raises EmotiondError.
    """
    modality: str = arguments.modality
    output: Path = arguments.output or OUTPUT / modality
    named = _named(arguments)
    if modality == "fusion":
        return _fusion(arguments, named, output)
    if not arguments.data or any(getattr(arguments, one) for one in (*MODALITIES, "people")):
        raise EmotiondError(f"make {modality} takes its data by --data, once for each data set")
    task = steps.make_task(modality, {"map": arguments.map})
    splits = task.load(arguments.data)
    print(splits.summary())
    recipe = named or _fitting(modality, splits.datasets)
    check_data(recipe, splits.datasets)
    return Making(recipe, arguments.data, output, (task, splits)).run()


def _named(arguments: argparse.Namespace) -> Recipe | None:
    """Reads the recipe of --recipe, before any data are."""
    if arguments.recipe is None:
        return None
    recipe = read_recipe(find_recipe(arguments.recipe))
    if recipe.modality != arguments.modality:
        raise EmotiondError(
            recipe.fault(
                recipe.lines["modality"],
                f"modality: {recipe.modality}: `emotion-convert make {recipe.modality}` runs it",
            )
        )
    return recipe


def _fitting(modality: str, datasets: tuple[str, ...]) -> Recipe:
    """Returns the recipe of the model that ships if its data are given, else that for one's own."""
    shipped = read_recipe(find_recipe(modality))
    if set(shipped.data) & set(datasets):
        return shipped
    own = read_recipe(find_recipe(f"{OWN}{modality}"))
    print(
        f"recipe {own.path.stem}: the data have none of the sets that the model that ships was "
        f"trained on; `--recipe {modality}` lists what those are"
    )
    return own


def _fusion(arguments: argparse.Namespace, named: Recipe | None, output: Path) -> Path:
    if arguments.data:
        raise EmotiondError("make fusion takes its data by --face, --speech, --text and --people")
    missing = [one for one in MODALITIES if not getattr(arguments, one)]
    if missing:
        raise EmotiondError(
            f"make fusion needs --{missing[0]}: data that the {missing[0]} model was trained with"
        )
    recipe = named or read_recipe(find_recipe("fusion"))
    data = {one: getattr(arguments, one) for one in MODALITIES}
    sources = steps.FusionSources(data, arguments.people, arguments.people_models)
    return make_fusion(recipe, sources, arguments.models, output)
