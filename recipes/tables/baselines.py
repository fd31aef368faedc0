"""The baselines that several papers compare with, whose runs they share."""

from recipes.tables.described import Command


def baseline_command(baseline, data, flags, needs=None, is_runnable=True):
    """Returns a command of recipes.handcrafted_baselines, the same for all papers' tables.

    Args:
        baseline: Str, the recipe's `--baseline`.
        data: Str, such as "shoes"; the command's name is BASELINE_DATA.
        flags: Dict of the recipe's other flags.
        needs, is_runnable: As of `Command`.
    Returns: `Command`.
    """
    # The words of bag_of_hog are clustered from a random start; the others leave nothing to chance.
    return Command(
        f"{baseline}_{data}",
        "handcrafted_baselines",
        {"baseline": baseline, **flags},
        needs or {},
        is_seeded=baseline == "bag_of_hog",
        is_runnable=is_runnable,
    )
