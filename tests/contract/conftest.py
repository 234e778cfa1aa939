"""Benches over the engines that a test module names in `ENGINES`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.bench import Bench, Harness, Opened
from tests.contract.harnesses import HARNESSES, LocalHarness
from tests.contract.images import need_tools

from penstock.engines.local.host import Isolation


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "harness" in metafunc.fixturenames:
        metafunc.parametrize("harness", metafunc.module.ENGINES, indirect=True, scope="module")


@pytest.fixture(scope="module")
def harness(request: pytest.FixtureRequest) -> Harness:
    """Each engine in turn."""
    found = HARNESSES[request.param]
    if found.image:
        need_tools()
    return found


@pytest.fixture(scope="module")
def opened(harness: Harness, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """One engine for the tests of a module."""
    one = Opened(harness, tmp_path_factory.mktemp(harness.name))
    yield one
    one.engine.close()


@pytest.fixture
def bench(opened: Opened, tmp_path: Path) -> Iterator[Bench]:
    """Each engine in turn, with a bench of the test's own."""
    with opened.harness.turn(alone=False):
        one = Bench(opened, tmp_path)
        yield one
        one.end_all()


@pytest.fixture
def own_bench(harness: Harness, tmp_path: Path) -> Iterator[Bench]:
    """Each engine in turn, used by no other test meanwhile."""
    with harness.turn(alone=True):
        one = Bench(Opened(harness, tmp_path / "engine"), tmp_path)
        yield one
        one.end_all()
        one.engine.close()


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """A local engine with options of the test's own."""
    benches: list[Bench] = []

    def open_one(isolation: Isolation | None = Isolation.PROCESS_GROUPS, **options: Any) -> Bench:
        base = tmp_path / f"bench-{len(benches)}"
        benches.append(Bench(Opened(LocalHarness("local", isolation, **options), base / "engine"), base))
        return benches[-1]

    yield open_one
    for bench in benches:
        bench.end_all()
        bench.engine.close()


@pytest.fixture
def bench_of_plans(open_bench: Callable[..., Bench]) -> Bench:
    """A bench whose plans somebody else runs."""
    return open_bench(control_groups=False)
