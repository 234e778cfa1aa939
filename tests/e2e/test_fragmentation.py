"""Scenario S14: a gang of 64 on eight-card nodes, and 80 free cards that lie four to a node."""

from pathlib import Path

from served import job, open_tenant, served

NODES = 20


def test_s14_80_free_cards_on_20_nodes_admit_no_gang_of_64_until_work_moves(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        one.centre.install("h100", nodes=NODES, devices_per_node=8, nodes_per_leaf=NODES)
        one.done(
            "POST", "/offers", json={"id": "h100", "model": "h100", "price_micros_per_card_hour": 4_000_000}
        )
        open_tenant(one, "acme", 1_000_000)
        half = job(
            resources={"models": ["h100"], "devices_per_node": 4},
            env={"SIMULATED_SECONDS": "720000", "SIMULATED_CHECKPOINT_S": "60"},
            checkpoint={},
        )
        for number in range(2 * NODES):
            one.done("POST", "/jobs", json={"id": f"half-{number:02}", "tenant": "acme", "spec": half})
        one.turn()
        by_node: dict[str, list[str]] = {}
        for number in range(2 * NODES):
            shown = one.done("GET", f"/jobs/acme.half-{number:02}")
            by_node.setdefault(shown["attempts"][0]["devices"][0].rpartition(".")[0], []).append(
                shown["job"]["id"]
            )
        assert {len(held) for held in by_node.values()} == {2} and len(by_node) == NODES
        for held in by_node.values():
            one.done("POST", f"/jobs/{held[0]}/stop")
        one.turn(minutes=10)
        one.turn(minutes=10)
        gang = job(
            resources={"models": ["h100"], "devices_per_node": 8}, nodes=8, env={"SIMULATED_SECONDS": "600"}
        )
        one.done("POST", "/jobs", json={"id": "gang", "tenant": "acme", "spec": gang})
        one.turn()
        why = one.done("GET", "/jobs/acme.gang/why")
        assert why["reason"] == "no_fit_fragmentation", why
        plan = one.done("GET", "/fleet/defragmentation", params={"job": "acme.gang"})
        assert len(plan["moves"]) == 8, "eight nodes are emptied of four cards each"
        done = one.done("POST", "/fleet/defragmentation", json={"job": "acme.gang"})
        assert len(done["moves"]) == 8
        for _ in range(5):
            one.turn(minutes=1)
        assert one.done("GET", "/jobs/acme.gang")["job"]["state"] in ("running", "succeeded")
