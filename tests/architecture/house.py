"""The package as it lies on disk, and the contracts as pyproject.toml states them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class House:
    """Where the building stands: the repository and the package in it."""

    root: Path

    @property
    def package(self) -> Path:
        return self.root / "src" / "interlock"

    def files(self) -> list[Path]:
        return sorted(self.package.rglob("*.py"))

    def modules(self) -> dict[str, Path]:
        return {self.name_of(path): path for path in self.files()}

    def name_of(self, path: Path) -> str:
        parts = path.relative_to(self.package.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def rooms(self) -> set[str]:
        """Every package and module directly under interlock."""
        return {name.split(".")[1] for name in self.modules() if "." in name}

    def settings(self) -> Mapping[str, Any]:
        return tomllib.loads((self.root / "pyproject.toml").read_text())["tool"]["importlinter"]

    def contract(self, contract_id: str) -> Mapping[str, Any]:
        (found,) = [each for each in self.settings()["contracts"] if each["id"] == contract_id]
        return found

    def floors(self) -> list[list[str]]:
        """The rooms on each floor, the highest floor first."""
        layers = self.contract("layers")["layers"]
        return [[room.strip() for room in floor.split("|")] for floor in layers]


HOUSE = House(Path(__file__).resolve().parents[2])
