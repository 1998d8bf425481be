"""The only reader of the environment and of `interlock.toml`; it checks the file as a whole.

    [limits]
    workres = 4    ->  interlock.toml:2: [limits] has no setting 'workres'. Did you mean 'workers'?

Every fault of the file is listed at once. A missing file means the defaults.
"""

from interlock.config.document import FILE_NAME, WrongSettings
from interlock.config.environment import Environment, read_environment
from interlock.config.reading import parse_settings, read_settings

__all__ = [
    "FILE_NAME",
    "Environment",
    "WrongSettings",
    "parse_settings",
    "read_environment",
    "read_settings",
]
