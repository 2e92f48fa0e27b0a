"""The check of dependencies between modules finds what points up, however it is written."""

from pathlib import Path

import pytest
from floors import Crate, upward

LOW_USES_HIGH = [
    "use crate::high::High;",
    "use crate::{middle, high::{self, High as Other}};",
    "use super::high::High;",
    "fn f(_: crate::high::High) {}",
    "use crate::middle::PassedOn;",
    "use crate::middle::*; fn f(_: super::middle::PassedOn) {}",
]
FLOORS = [{"low"}, {"middle"}, {"high"}]


def crate(directory: Path, low: str) -> Crate:
    files = {
        "lib.rs": "mod low; mod middle; mod high; pub use high::High;",
        "low.rs": low,
        "middle.rs": "pub(crate) use crate::high::High as PassedOn; pub(crate) struct Middle;",
        "high/mod.rs": "mod part; pub struct High;",
        "high/part.rs": "use super::High; impl High {}",
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return Crate(directory)


@pytest.mark.parametrize("low", [*LOW_USES_HIGH, "use crate::High;"])
def test_what_points_up_is_found(tmp_path: Path, low: str) -> None:
    assert any(found.startswith("low uses high") for found in upward(crate(tmp_path, low), FLOORS))


@pytest.mark.parametrize(
    "low",
    [
        "// use crate::high::High;",
        'const TEXT: &str = "crate::high::High";',
        "#[cfg(test)] mod tests { use crate::high::High; fn f() {} }",
        "#[cfg(doc)] use crate::high::High;",
    ],
)
def test_what_is_not_compiled_into_the_crate_is_not_counted(tmp_path: Path, low: str) -> None:
    assert upward(crate(tmp_path, low), FLOORS) == []


def test_a_circle_is_found_where_no_order_is_given(tmp_path: Path) -> None:
    (tmp_path / "lib.rs").write_text("mod a; mod b;")
    (tmp_path / "a.rs").write_text("use crate::b::B; pub struct A;")
    (tmp_path / "b.rs").write_text("use crate::a::A; pub struct B;")
    assert upward(Crate(tmp_path), []) == ["a uses b, a circle", "b uses a, a circle"]


def test_a_folder_that_uses_its_parts_is_not_used_by_them(tmp_path: Path) -> None:
    made = crate(tmp_path, "")
    assert upward(made, FLOORS) == []
    (tmp_path / "high/mod.rs").write_text("mod part; use part::Part; pub struct High;")
    (tmp_path / "high/part.rs").write_text("use super::High; pub(super) struct Part;")
    assert upward(Crate(tmp_path), FLOORS) == [
        "high uses high::part, a circle",
        "high::part uses high, a circle",
    ]
