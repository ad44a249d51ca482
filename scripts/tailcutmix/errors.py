"""The one exception that a user is meant to read."""


class UserError(Exception):
    """Something that the user can mend: one line that names the file or key and says what to do.

    Scripts print it without a traceback and exit with code 1 (see :mod:`tailcutmix.rule_script`).
    """
