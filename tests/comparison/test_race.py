import numpy as np
import pytest

from cnncompare.comparison.race import MOST_MORE_RUNS, START, Race
from tests import simulate_settle as simulation

NOTHING = np.zeros(3, dtype=np.int64)
EVERYWHERE = [True] * 3


def race_of(*rows: list[float], margin: float = 0.005, max_seeds: int = 20) -> Race:
    """Return a race in which the networks ran in turn."""
    race = Race(len(rows), margin=margin, max_seeds=max_seeds)
    for seed in range(max(map(len, rows))):
        for network, row in enumerate(rows):
            if seed < len(row):
                race.add(network, row[seed])
    return race


def around(mean: float, runs: int, spread: float = 0.001) -> list[float]:
    return [mean + spread * (-1) ** seed for seed in range(runs)]


def next_network(race: Race, costs: tuple[float, ...] = (1.0, 1.0, 1.0)) -> int | None:
    return race.next_network(costs, NOTHING, EVERYWHERE)


def test_a_clearly_worse_network_is_out_and_the_best_one_wins() -> None:
    race = race_of(around(0.95, 6), around(0.70, 6), around(0.60, 6))
    assert (race.leader(), race.rivals(), race.beaten_by(1)) == (0, [], 0)
    assert race.is_settled()
    assert next_network(race) is None


def test_two_runs_each_settle_nothing_however_far_apart() -> None:
    race = race_of(around(0.99, 2), around(0.10, 2))
    assert race.remaining() == [0, 1]
    assert not race.is_settled()


def test_equal_networks_are_practically_the_same_after_some_runs() -> None:
    race = race_of(around(0.9, 12), around(0.9, 12), margin=0.01)
    assert race.is_settled()
    assert race.practically_same() == [1]
    assert race_of(around(0.9, 12), around(0.9, 12), margin=0.0001).practically_same() == []


def test_the_bound_on_the_loss_contains_the_gap() -> None:
    race = race_of(around(0.90, 10), around(0.899, 10), margin=0.01)
    assert 0 < race.loss() < 0.01
    assert race.low[0, 1] < 0.001 < -race.low[1, 0]


def test_every_network_runs_twice_before_any_runs_again() -> None:
    race = Race(3, margin=0.005, max_seeds=20)
    order: list[int] = []
    while (network := next_network(race)) is not None and len(order) < 3 * START:
        order.append(network)
        race.add(network, 0.9 + 0.001 * network)
    assert sorted(order[:3]) == sorted(order[3:6]) == [0, 1, 2]


def test_pending_runs_count_as_runs() -> None:
    race = Race(3, margin=0.005, max_seeds=20)
    chosen = race.next_network((1, 1, 1), np.array([1, 1, 0]), EVERYWHERE)
    assert chosen == 2


def test_the_cheaper_of_leader_and_rival_runs_next() -> None:
    race = race_of(around(0.9, 4), around(0.899, 4), around(0.5, 4), margin=0.001)
    assert next_network(race, (1.0, 5.0, 1.0)) == 0
    assert next_network(race, (5.0, 1.0, 1.0)) == 1


def test_the_one_with_fewer_runs_is_next_if_both_cost_the_same() -> None:
    race = race_of(around(0.9, 7), around(0.899, 4), around(0.5, 4), margin=0.0005)
    assert next_network(race) == 1


def test_an_interval_without_bound_gets_runs_of_both_networks_whatever_they_cost() -> None:
    race = race_of(around(0.95, 2), around(0.94, 4))
    assert not np.isfinite(race.low[0, 1])
    assert race.next_network((100.0, 1.0), NOTHING[:2], [True] * 2) == 0


def test_no_run_beyond_the_seeds_or_the_allowed_networks() -> None:
    race = race_of(around(0.9, 4), around(0.899, 4), around(0.898, 4), margin=0.001, max_seeds=4)
    assert next_network(race) is None
    assert not race.is_settled()
    free = race_of(around(0.9, 4), around(0.899, 4), around(0.898, 4), margin=0.001)
    assert free.next_network((1, 1, 1), NOTHING, [False, False, True]) == 2
    assert free.next_network((1, 1, 1), NOTHING, [False] * 3) is None


def test_a_failed_network_gives_back_those_that_it_beat() -> None:
    race = race_of(around(0.95, 6), around(0.70, 6), around(0.6995, 6))
    assert race.remaining() == [0]
    race.failed[0] = "failed: out of memory"
    assert race.remaining() == [1, 2]
    assert race.beaten_by(0) is None


def test_without_networks_there_is_no_leader() -> None:
    race = race_of(around(0.9, 3), around(0.8, 3), around(0.7, 3))
    race.failed = dict.fromkeys(range(3), "failed")
    assert race.leader() is None
    assert next_network(race) is None
    assert race.forecast((1, 1, 1)) is None


def test_a_replay_gives_the_same_intervals_and_e_values() -> None:
    rng = np.random.default_rng(0)
    order = [*range(3), *range(3), *rng.integers(0, 3, 20)]
    chance = rng.random((3, 300))
    rows = [(k, rng.random(300) < chance[k]) for k in order]
    once, again = (Race(3, margin=0.01, max_seeds=30) for _ in range(2))
    for network, correct in rows:
        once.add(network, float(correct.mean()), correct)
    for network, correct in rows:
        again.add(network, float(correct.mean()), correct)
    assert np.array_equal(once.low, again.low)
    assert np.array_equal(once.evidence, again.evidence)
    assert np.isfinite(once.low).all()


def test_intervals_only_become_narrower() -> None:
    rng = np.random.default_rng(1)
    race, before = Race(3, margin=0.01, max_seeds=30), np.full((3, 3), -np.inf)
    for network in [0, 1, 2] * 10:
        race.add(network, 0.9 + rng.normal(0, 0.01))
        assert (race.low >= before).all()
        before = race.low.copy()


def test_the_forecast_is_the_number_of_runs_that_follow_if_nothing_changes() -> None:
    race = race_of(around(0.90, 4), around(0.8985, 4), margin=0.001)
    forecast = race.forecast((1.0, 1.0))
    assert forecast is not None
    assert forecast > 0
    for _ in range(forecast + 2):  # pairs of runs keep mean and spread nearly as they are
        network = race.next_network((1.0, 1.0), NOTHING[:2], EVERYWHERE[:2])
        if network is None:
            break
        runs = int(race.runs[network])
        race.add(network, around((0.90, 0.8985)[network], runs + 1)[-1])
    assert race.is_settled()


def test_more_than_a_limit_of_runs_is_not_forecast() -> None:
    assert race_of(around(0.9, 4), around(0.9, 4), margin=1e-6).forecast((1, 1)) is None
    assert MOST_MORE_RUNS >= 100


def test_too_few_test_images_are_noticed() -> None:
    rng = np.random.default_rng(2)
    chance = np.array([np.r_[np.ones(90), np.zeros(10)], np.r_[np.zeros(10), np.ones(90)]])
    race = Race(2, margin=0.005, max_seeds=20)
    while (network := race.next_network((1, 1), NOTHING[:2], EVERYWHERE[:2])) is not None:
        correct = rng.random(100) < 0.01 + 0.98 * chance[network]
        race.add(network, float(correct.mean()), correct)
    assert race.runs.max() <= 4  # ten seeds of each would not help
    assert max(race.hopeless().values()) > 0.1
    # with the variance of these images alone, the interval is wider than the margin by far
    assert 2 * np.sqrt(race.image_variance[0, 1]) > 0.05


@pytest.mark.parametrize("networks", [2, 5])
@pytest.mark.parametrize("spread", ["normal", "one network 5 x the spread"])
def test_few_studies_of_equal_networks_claim_a_difference(networks: int, spread: str) -> None:
    share = simulation.false_claims(simulation.SPREADS[spread], networks, 200)
    assert share <= 0.05  # expected: at most 3 %


def test_races_are_right_and_need_fewer_runs_than_a_fixed_design() -> None:
    found = simulation.race_many(simulation.FIRST_ROW, 40)
    assert found.settled == 1.0
    assert found.false_claims <= 0.05
    assert found.wrong_leaders == found.best_lost == 0.0
    assert 29 <= found.runs <= 42  # 80 runs prove the same in 80 % of planned studies


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("image_sd", [0.0, 0.7])
@pytest.mark.parametrize("networks", [2, 5, 8])
@pytest.mark.parametrize("spread", simulation.SPREADS)
def test_at_most_5_percent_of_studies_make_any_false_claim(
    spread: str, networks: int, image_sd: float
) -> None:
    studies = simulation.STUDIES
    share = simulation.false_claims(simulation.SPREADS[spread], networks, studies, image_sd)
    assert share <= 0.05


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("accuracies", "draw"),
    [
        (simulation.FIRST_ROW, simulation.normal),
        (simulation.FIRST_ROW, simulation.one_wide),
        (simulation.FIRST_ROW, simulation.skewed),
        ((94.0,) * 8, simulation.normal),
        ((94.0,) * 8, simulation.one_wide),
        ((94.0,) * 8, simulation.skewed),
    ],
)
def test_at_most_5_percent_of_races_make_any_false_claim(
    accuracies: tuple[float, ...], draw: simulation.Draw
) -> None:
    found = simulation.race_many(accuracies, simulation.STUDIES, draw=draw)
    assert found.false_claims <= 0.05
    assert found.wrong_leaders <= 0.05
    if accuracies is simulation.FIRST_ROW:
        assert found.best_lost <= 0.02


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_race_needs_less_than_half_of_the_runs_of_a_fixed_design() -> None:
    found = simulation.race_many(simulation.FIRST_ROW, simulation.STUDIES)
    seeds = simulation.fixed_design_seeds(simulation.FIRST_ROW, simulation.STUDIES, power=0.99)
    assert found.settled == 1.0
    assert found.runs <= 8 * seeds / 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("wide", [1.0, 5.0])
def test_at_most_5_percent_of_races_on_few_images_make_any_false_claim(wide: float) -> None:
    found = simulation.race_on_images(5, 360, 300, margin=3.0, wide=wide)
    assert found.false_claims <= 0.05
