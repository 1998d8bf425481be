"""A repository: the codebase a plane acts on."""

import msgspec

from interlock.domain.ids import RepoId


class Repository(msgspec.Struct, frozen=True):
    """Its identity and the branch that stays green."""

    id: RepoId
    target: str = "main"
