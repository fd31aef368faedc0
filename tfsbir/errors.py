"""The one exception for input that a person gave and can mend."""


class InputError(ValueError):
    """A file, folder or setting from outside cannot be used.

    Its message is one line that names the file or setting, what was expected and what was found. The
    commands print it without a traceback and exit with code 1; everything else is a bug and keeps its
    traceback.
    """
