"""The metadata of many photos by field, so that a condition looks at each different value once."""

import numpy as np

from tfsbir.retrieval.metadata import fits


class MetadataColumns:
    """Chooses photos by conditions on their metadata.

    Args:
        metadata: Sequence of dicts, one a photo; a field is looked through when it is first asked for. Fields
            that no photo has are not kept: a stranger may ask for as many as there are words.
    """

    def __init__(self, metadata):
        self._metadata = metadata
        self._fields = {}
        self._names = None

    @property
    def num_kept(self):
        """Int, fields that have been looked through and are kept."""
        return len(self._fields)

    def choose(self, conditions):
        """Returns bool `(num_photos,)`: which photos satisfy all conditions of `check_where`."""
        is_chosen = np.ones(len(self._metadata), bool)
        if conditions and self._names is None:
            self._names = {field for metadata in self._metadata for field in metadata}
        for field, kind, wanted in conditions:
            if field not in self._names:
                return np.zeros(len(self._metadata), bool)
            if field not in self._fields:
                self._fields[field] = self._column(field)
            numbers, values = self._fields[field]
            # The last is for photos without the field, whose number is -1.
            is_fit = np.array([*(fits(value, kind, wanted) for value in values), False])
            is_chosen &= is_fit[numbers]
        return is_chosen

    def _column(self, field):
        numbers, values, known = np.full(len(self._metadata), -1, np.int64), [], {}
        for photo, metadata in enumerate(self._metadata):
            if field in metadata:
                value = metadata[field]
                key = isinstance(value, bool), value  # In Python, true equals 1.
                if key not in known:
                    known[key] = len(values)
                    values.append(value)
                numbers[photo] = known[key]
        return numbers, values
