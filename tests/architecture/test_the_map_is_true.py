"""The map (ARCHITECTURE.md, the contracts, the docstrings) shows the building that stands there."""

import ast
import re
from pathlib import Path

from tests.architecture.house import HOUSE

FEWEST_MODULES = 40


def test_every_package_and_module_opens_with_a_sentence():
    files = HOUSE.files()
    assert len(files) > FEWEST_MODULES
    mute = [str(path.relative_to(HOUSE.root)) for path in files if not opens_with_a_sentence(path)]
    assert not mute


def opens_with_a_sentence(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    first_paragraph = docstring.split("\n\n")[0]
    return bool(re.search(r"\w.*[.!?:]$", first_paragraph, re.DOTALL))


def test_no_folder_with_code_hides_from_the_contracts():
    """A folder without `__init__.py` still imports, but import-linter does not see it."""
    folders = {path.parent for path in HOUSE.files()}
    assert folders
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_the_floors_hold_exactly_the_rooms_that_stand():
    placed = [room for floor in HOUSE.floors() for room in floor]
    assert len(placed) == len(set(placed))
    assert set(placed) == HOUSE.rooms()


def test_every_room_is_on_the_map():
    text = (HOUSE.root / "ARCHITECTURE.md").read_text()
    rooms = HOUSE.rooms()
    assert rooms
    assert not [room for room in sorted(rooms) if not is_named(room, text)]


def is_named(room: str, text: str) -> bool:
    return re.search(rf"(?<![\w/.-]){room}(?:/|\.py\b)", text) is not None


def test_interfaces_are_kept_from_every_room_behind_the_front_desk():
    floors = HOUSE.floors()
    behind = {room for floor in floors[floors.index(["control"]) + 1 :] for room in floor}
    forbidden = set(HOUSE.contract("front-desk")["forbidden_modules"])
    # The doorway contract guards the adapters, and the vocabulary is everybody's.
    assert forbidden == {f"interlock.{room}" for room in behind - {"adapters", "domain"}}


def test_every_name_in_a_contract_finds_something():
    """A mistyped wildcard forbids nothing, and import-linter calls that kept."""
    expressions = {
        expression
        for contract in HOUSE.settings()["contracts"]
        for names in contract.values()
        if isinstance(names, list)
        for expression in names
        if expression.startswith("interlock")
    }
    assert len(expressions) > 10
    modules = HOUSE.modules()
    assert not [each for each in sorted(expressions) if not finds_a_module(each, modules)]


def finds_a_module(expression: str, modules: dict[str, Path]) -> bool:
    pattern = re.escape(expression).replace(r"\*\*", ".+").replace(r"\*", "[^.]+")
    return any(re.fullmatch(pattern, module) for module in modules)
