import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import nct, norm, t

from cnncompare.stats.confidence_sequences import (
    TAU,
    effective_runs,
    log_e_value,
    radius_with_endless_seeds,
    sequence_radius,
)


def settings(count: int) -> list[tuple[float, float, float, float, float]]:
    """Return variance, image variance, n, degrees of freedom and level, at random."""
    rng = np.random.default_rng(0)
    return [
        (
            10 ** rng.uniform(-6, 0),
            float(rng.choice([0.0, 10 ** rng.uniform(-7, 0)])),
            rng.uniform(1, 30),
            rng.uniform(4, 60),
            10 ** rng.uniform(-3, -1),
        )
        for _ in range(count)
    ]


def test_the_closed_form_equals_a_bisection_of_the_e_value() -> None:
    bounded = 0
    for variance, images, n, df, level in settings(300):
        radius = float(sequence_radius(variance, images, n, np.array(df), level))
        if not np.isfinite(radius):
            far = log_e_value(1e6, variance, images, n, np.array(df))
            assert far < -np.log(level)  # no difference is ever excluded
            continue
        low, high = 0.0, 1e6
        for _ in range(200):
            middle = (low + high) / 2
            below = log_e_value(middle, variance, images, n, np.array(df)) < -np.log(level)
            low, high = (middle, high) if below else (low, middle)
        assert radius == pytest.approx(low, rel=1e-9)
        bounded += 1
    assert bounded > 200


@pytest.mark.parametrize(("observed", "n", "df"), [(0.5, 2.0, 6), (3.0, 1.5, 4), (7.0, 5.0, 18)])
def test_the_e_value_is_the_mixture_of_noncentral_t_over_a_normal_prior(
    observed: float, n: float, df: int
) -> None:
    def weighted(effect: float) -> float:
        density = nct.pdf(observed, df, np.sqrt(n) * effect)
        return float(density * norm.pdf(effect, 0, TAU))

    mixture = quad(weighted, -25, 25, points=[0, observed / np.sqrt(n)], limit=200)[0]
    difference = observed / np.sqrt(n)  # in seed deviations
    found = np.exp(log_e_value(difference, 1.0, 0.0, n, np.array(float(df))))
    assert found == pytest.approx(mixture / t.pdf(observed, df), rel=1e-5)


def test_an_e_value_is_1_on_average_if_the_networks_are_equal() -> None:
    rng = np.random.default_rng(1)
    runs, repeats = 4, 200_000
    a, b = rng.normal(0, 2, (2, repeats, runs))
    variance = (a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 2
    e_values = np.exp(
        log_e_value(
            a.mean(1) - b.mean(1), variance, 0.0, float(effective_runs(runs, runs)), np.array(6.0)
        )
    )
    error = e_values.std() / np.sqrt(repeats)
    assert abs(e_values.mean() - 1) < 4 * error


def test_two_runs_of_two_networks_bound_nothing() -> None:
    assert np.isinf(sequence_radius(1.0, 0.0, effective_runs(2, 2), np.array(2.0), 0.05))
    assert np.isfinite(sequence_radius(1.0, 0.0, effective_runs(4, 4), np.array(6.0), 0.05))


def test_effective_runs_by_hand() -> None:
    assert effective_runs(3, 6) == 2.0  # 1/3 + 1/6 = 1/2
    assert effective_runs(0, 5) == 0.0


@pytest.mark.parametrize("images", [1e-6, 1e-4, 1e-2])
def test_endless_seeds_leave_the_error_of_the_images(images: float) -> None:
    many = sequence_radius(4e-6, images, 1e9, np.array(4e9), 0.01)
    assert radius_with_endless_seeds(4e-6, images, 0.01) == pytest.approx(float(many), rel=1e-4)
    assert many > np.sqrt(images)


def test_without_an_error_of_the_images_endless_seeds_leave_none() -> None:
    assert radius_with_endless_seeds(4e-6, 0.0, 0.01) == 0.0
