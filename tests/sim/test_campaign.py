"""A few points of the crash campaign; `make campaign` takes two hundred."""

from pathlib import Path

from campaign import points, template, try_point


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    origin = template(tmp_path)
    died = [try_point(tmp_path, origin, point) for point in points(tmp_path, origin, 11, 4)]
    assert sum(died) >= 2
