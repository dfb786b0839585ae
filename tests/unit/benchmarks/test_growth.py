"""Cost beside work: a step that costs more than it does is found, and no other."""

import pytest

from benchmarks.parts.growth import worst_step


@pytest.mark.parametrize(
    ("costs", "worst"),
    [
        ([(1, 5.0), (10, 5.0), (100, 5.0)], 0.1),
        ([(1, 5.0), (10, 50.0)], 1.0),
        ([(2, 1.0), (4, 1.0), (8, 3.0)], 1.5),
        ([(2, 1.0), (4, 4.0), (8, 4.0)], 2.0),
    ],
)
def test_the_worst_step(costs: list[tuple[int, float]], worst: float) -> None:
    figure = worst_step("tables", costs)
    assert figure.value == pytest.approx(worst)
    assert figure.holds is (worst <= 1)
