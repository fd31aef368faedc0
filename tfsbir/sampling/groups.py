"""Things by their group."""

import numpy as np


class Groups:
    """The members of groups, to draw from.

    Args:
        group_of: `(num_members,)` integers in [0, num_groups), the group of each.
        num_groups: Groups, some of which may be empty.
    """

    def __init__(self, group_of, num_groups):
        # The members of a group stand together, in their own order.
        self._members = np.argsort(group_of, kind="stable").astype(np.int32)
        self._counts = np.bincount(group_of, minlength=num_groups)
        self._starts = np.cumsum(self._counts) - self._counts

    def draw(self, rng, groups):
        """Draws a member of each group that is named, all of a group's equally likely.

        Args:
            rng: `numpy.random.Generator`.
            groups: `(num,)` integers, groups that are not empty.
        Returns: `(num,)` int32 array of members.
        """
        return self._members[self._starts[groups] + rng.integers(self._counts[groups])]
