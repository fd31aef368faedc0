"""Every recipe, with every loss that it has, as a small training."""

import dataclasses

from tests.common_recipes import command

_FAST = "--backbone=squeezenet --embedding_dim=16 --train_from=fire9_squeeze1x1 --photo_input=rgb"
_ZERO_SHOT = "--unseen_classes={world}/unseen.txt --validation_share=0.45"
_MANIFOLD = (
    f"{_FAST} --more_dataset=quickdraw --more_data_dir={{world}}/quickdraw --pooler=kmeans --warmup_steps=3 "
    "--refresh_every=4 --max_staleness=2"
)


@dataclasses.dataclass(frozen=True)
class Case:
    """A training of a recipe.

    Args:
        recipe: Its name.
        dataset: Name of the dataset.
        folder: Its folder in the world of `make_world`.
        flags: Its own flags, in one text; `{world}` stands for the folder of the world.
        rate: Learning rate by which replicas are compared: where what is learned in a step is far larger
            than what is rounded, and yet rounding is not blown up.
    """

    recipe: str
    dataset: str
    folder: str
    flags: str = ""
    rate: str = "1e-4"

    def command(self, world, workdir, *flags):
        """Returns the command as a list; `flags` come last, so they win."""
        own = self.flags.format(world=world).split()
        common = ("--num_views=1",) if self.recipe != "zero_shot_cvae" else ()
        return command(
            self.recipe, self.dataset, world / self.folder, workdir, "--num_workers=0", *common, *own, *flags
        )


def _sketch_me(flags):
    return Case("sketch_me_that_shoe", "paired_folder", "objects", f"--optimizer=sgd {flags}")


CASES = {
    "sketch_me_that_shoe, stage 1": Case(
        "sketch_me_that_shoe", "category_folder", "animals", "--stage=1 --optimizer=sgd"
    ),
    "sketch_me_that_shoe, stage 3": Case(
        "sketch_me_that_shoe", "category_folder", "animals",
        "--stage=3 --representative_share=1 --optimizer=sgd",
    ),
    "sketch_me_that_shoe, batch_triplet": _sketch_me("--loss=batch_triplet"),
    "sketch_me_that_shoe, triplet": _sketch_me("--loss=triplet"),
    "sketch_me_that_shoe, contrastive": _sketch_me("--loss=contrastive"),
    "sketch_me_that_shoe, info_nce": _sketch_me("--loss=info_nce"),
    "spatial_semantic_attention, batch_triplet": Case(
        "spatial_semantic_attention", "paired_folder", "objects", "--optimizer=sgd"
    ),
    "spatial_semantic_attention, triplet": Case(
        "spatial_semantic_attention", "paired_folder", "objects", "--loss=triplet --optimizer=sgd"
    ),
    "attribute_ranking, batch_triplet": Case(
        "attribute_ranking", "paired_folder", "objects", "--optimizer=sgd"
    ),
    "attribute_ranking, triplet": Case(
        "attribute_ranking", "paired_folder", "objects", "--loss=triplet --optimizer=sgd"
    ),
    "manifold_alignment, magnet": Case("manifold_alignment", "sketchy", "sketchy", _MANIFOLD, "1e-6"),
    "manifold_alignment, regression": Case(
        "manifold_alignment", "sketchy", "sketchy", f"{_MANIFOLD} --method=regression", "1e-6"
    ),
    "doodle_to_search": Case(
        "doodle_to_search", "category_folder", "animals",
        f"{_ZERO_SHOT} --word_vectors={{world}}/words.npz --backbone=pooled_squeezenet --photo_input=rgb "
        "--embedding_dim=16 --train_from=fire9_squeeze1x1 --domain_delay=0 --domain_ramp=1 --head_steps=2 "
        "--optimizer=sgd",
    ),
    "zero_shot_cvae": Case(
        "zero_shot_cvae", "category_folder", "animals",
        f"{_ZERO_SHOT} --weights={{world}}/weights.h5 --latent_dim=3 --hidden_dim=16 --num_generated=8 "
        "--num_centers=2",
    ),
    "distill": Case(
        "distill", "paired_folder", "objects",
        "--teacher={world}/teacher --weights={world}/teacher --embedding_dim=16", "1e-6",
    ),
    "cross_domain_shape": Case(
        "cross_domain_shape", "category_folder", "animals", "--group_size=2", "1e-6"
    ),
}  # fmt: skip
# One of each recipe, and what else keeps a state of its own: dropout, pools, the best so far.
EACH_RECIPE = (
    "sketch_me_that_shoe, stage 1",
    "sketch_me_that_shoe, stage 3",
    "sketch_me_that_shoe, triplet",
    "spatial_semantic_attention, batch_triplet",
    "attribute_ranking, triplet",
    "manifold_alignment, magnet",
    "doodle_to_search",
    "zero_shot_cvae",
    "distill",
    "cross_domain_shape",
)
