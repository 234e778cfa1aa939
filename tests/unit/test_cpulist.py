"""Lists of CPUs, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.refusal import Refusal
from penstock.fleet.cpulist import format_cpu_list, parse_cpu_list


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", (0,)), ("0-1", (0, 1)), ("0-2,7,9-10", (0, 1, 2, 7, 9, 10)), (" 3, 1 ", (1, 3)), ("1,1", (1,))],
)
def test_reads(text: str, cpus: tuple[int, ...]):
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize("text", ["", ",", "a", "2-1", "-1", "0-", "99999", "0-9000", "1;2", "٣"])
def test_refuses(text: str):
    refusal = parse_cpu_list(text)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "cpu_list_malformed"


@given(st.sets(st.integers(0, 8191), min_size=1))
def test_round_trip(cpus: set[int]):
    assert parse_cpu_list(format_cpu_list(tuple(cpus))) == tuple(sorted(cpus))
