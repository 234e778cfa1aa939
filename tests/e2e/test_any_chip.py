"""Jobs find the chips that their software runs on, over the wire: scenarios S48 and S50, variants, the catalogue."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chips import install, measure, sell
from penstock.app.access import SYSTEM
from penstock.app.jobs import show_job
from penstock.cli.main import main
from penstock.engines.local.environment import task_environment
from penstock.engines.local.stacks import device_files
from served import Served, job, open_tenant, served

MIXED = {
    "h800": (8, 780.0, 14.0),
    "ascend910b3": (8, 280.0, 6.0),
    "mlu370-x8": (8, 80.0, 2.0),
    "metax-c500": (8, 210.0, 5.0),
}
CUDA_ONLY = b"import torch\nfrom torch.utils.cpp_extension import load\nimport flash_attn\nmodel = net().cuda().bfloat16()\n"

FINE_TUNE = (
    b"import torch\ndevice = torch.accelerator.current_accelerator()\n"
    b"model = net().to(device=device, dtype=torch.bfloat16)\n"
)
"""In BF16, and for any chip."""


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Served]:
    """The mixed pool of S48, on sale, and a tenant with money."""
    with served(tmp_path) as centre:
        for model, (count, tflops, yuan) in MIXED.items():
            install(centre.centre, model, count, tflops)
            sell(centre, model, yuan)
        open_tenant(centre, "acme", 1_000_000)
        yield centre


def wants(models: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    spec = job(resources={"models": models or [], "devices_per_node": 1}, time_limit_s=3600)
    return {**spec, **changes}


def submit(one: Served, name: str, **changes: Any) -> dict[str, Any]:
    return one.done("POST", "/jobs", json={"id": name, "tenant": "acme", "spec": wants(**changes)})


def upload(one: Served, **files: bytes) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name.replace("__", "."))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return one.done("POST", "/workdirs", content=packed.getvalue())["id"]


def models_of(one: Served, name: str) -> set[str]:
    return {
        device.rpartition(".")[0] for device in show_job(one.centre.app, SYSTEM, name).attempts[-1].devices
    }


def test_a_cuda_only_program_is_kept_to_what_runs_it_and_the_reasons_are_rule_ids(one: Served) -> None:
    """Scenario S48: software first, then measured throughput, then price; who is left out says why."""
    workdir = upload(one, train__py=CUDA_ONLY)
    spec = wants(workdir=workdir, run="python train.py", software={"check": True})
    pools = one.done("POST", "/pools?precision=bf16", json=spec)["items"]
    assert [(p["model"], p["rules"] == []) for p in pools if p["model"] != "a100"] == [
        ("h800", True),
        ("metax-c500", True),
        ("ascend910b3", False),
        ("mlu370-x8", False),
    ]
    by_model = {pool["model"]: pool for pool in pools}
    assert not by_model["h800"]["rules"]
    assert "LIB-001" in by_model["ascend910b3"]["rules"]
    assert "DEV-001" in by_model["mlu370-x8"]["rules"]
    assert by_model["h800"]["price_micros_per_pflops_hour"] == round(14_000_000 / 0.78)
    tuned = wants(workdir=upload(one, train__py=FINE_TUNE), run="python train.py", software={"check": True})
    pools = one.done("POST", "/pools?precision=bf16", json=tuned)["items"]
    assert [(p["model"], p["rules"]) for p in pools if p["model"] in MIXED] == [
        ("h800", []), ("ascend910b3", []), ("metax-c500", []), ("mlu370-x8", [])
    ]  # fmt: skip
    job = submit(one, "tune", workdir=workdir, run="python train.py", software={"check": True})
    assert "LIB-001" in job["barred"]["cann"]
    one.turn()
    assert models_of(one, "acme.tune") == {"h800"}


def test_what_waits_for_software_says_by_which_rules_and_counts_as_refused(one: Served) -> None:
    submit(one, "kernel", models=["ascend910b3"], software={"rules": ["EXT-002"]})
    one.turn()
    why = one.done("GET", "/jobs/acme.kernel/why")
    assert why["reason"] == "no_fit_software"
    assert why["software"] == {"ascend910b3": ["EXT-002"]}
    assert why["counts"] == {"no_fit_software": 8, "no_fit_model": 8 * 4}
    assert not why["possible"]
    assert not [option for option in why["options"] if option["change"] == "lease"]


def test_any_model_means_the_fastest_as_measured_then_the_cheapest(one: Served) -> None:
    submit(one, "any")
    one.turn()
    assert models_of(one, "acme.any") == {"h800"}
    submit(one, "named", models=["any"])
    one.turn()
    assert models_of(one, "acme.named") == {"h800"}
    submit(one, "native", software={"stacks": ["cann", "neuware"]})
    one.turn()
    assert models_of(one, "acme.native") == {"ascend910b3"}


def test_a_variant_is_a_port_and_runs_as_it_says(one: Served) -> None:
    """One job file on several chips: a variant lifts what the rules say of its stack, and is laid over the job."""
    variant = {"cann": {"setup": "pip install torch_npu", "env": {"SIMULATED_SECONDS": "60"}}}
    submit(one, "ported", models=["ascend910b3"], software={"rules": ["EXT-002"]}, variants=variant)
    one.turn()
    assert models_of(one, "acme.ported") == {"ascend910b3"}
    one.turn(minutes=3)
    assert show_job(one.centre.app, SYSTEM, "acme.ported").job.state == "succeeded"


def test_a_closed_site_learns_what_its_software_costs_it(tmp_path: Path) -> None:
    """Scenario S50: seven of ten requests are kept out, and the lost revenue is told by rule id."""
    with served(tmp_path) as one:
        install(one.centre, "ascend910b3", 16, 280.0)
        sell(one, "ascend910b3", 6.0)
        open_tenant(one, "acme", 1_000_000)
        for number in range(10):
            rules = ["EXT-002"] if number < 4 else ["EXT-002", "LIB-001"] if number < 7 else []
            submit(one, f"job-{number}", models=["ascend910b3"], software={"rules": rules})
        one.turn()
        one.turn(minutes=30)
        report = one.done("GET", "/port/first")
        assert (report["submitted"], report["refused"]) == (10, 7)
        assert report["value_micros"] == 7 * 6_000_000
        rows = {row["rule"]: row for row in report["rules"]}
        assert [row["rule"] for row in report["rules"]] == ["EXT-002", "LIB-001"]
        assert (rows["EXT-002"]["jobs"], rows["EXT-002"]["value_micros"]) == (7, 42_000_000)
        assert (rows["EXT-002"]["alone_jobs"], rows["LIB-001"]["alone_jobs"]) == (4, 0)
        assert rows["LIB-001"]["effort_days"] > 0
        spans = one.done("GET", "/ladder")[""]["lines"]
        assert next(line for line in spans if line["line"] == "no_fit_software")["card_us"] > 0
        assert one.ask("GET", "/port/first", one.token("acme", "owner", "ann")).status_code == 403


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"software": {"rules": ["EXT-999"]}}, "rule_unknown"),
        ({"software": {"rules": ["nonsense"]}}, "rule_malformed"),
        ({"software": {"stacks": ["annc"]}}, "stack_unknown"),
        ({"variants": {"annc": {}}}, "stack_unknown"),
        ({"variants": {"cann": {"env": {"RANK": "1"}}}}, "env_reserved"),
        ({"variants": {"cann": {"image": "registry.example/npu:1"}}}, "image_unknown"),
        ({"variants": {"cann": {"image": "no image"}}}, "image_malformed"),
    ],
)
def test_what_is_no_software_need_is_refused(one: Served, change: dict[str, Any], code: str) -> None:
    answer = one.ask("POST", "/jobs", json={"id": "j", "tenant": "acme", "spec": wants(**change)})
    assert (answer.status_code, answer.json()["refusals"][0]["code"]) == (422, code)


def test_measured_stands_beside_nominal_in_compute_and_in_price(tmp_path: Path) -> None:
    """Scenario S49: 251.5 of 312 TFLOPS on an A100, 313.2 on an Atlas 800T A2; the price of what is delivered."""
    with served(tmp_path) as one:
        for model, tflops in (("a800", 251.5), ("ascend910b3", 313.2)):
            install(one.centre, model, 8, tflops, "fp16")
            sell(one, model, 10.0)
        lines = {
            (line["model"], line["precision"]): line for line in one.done("GET", "/fleet/compute")["items"]
        }
        a800 = lines["a800", "fp16"]
        assert (a800["nominal_pflops"], a800["measured_pflops"]) == (0.312, 0.2515)
        assert a800["measured_pflops"] / a800["nominal_pflops"] == pytest.approx(0.806, abs=0.0005)
        assert a800["price_micros_per_nominal_pflops_hour"] == round(10_000_000 / 0.312)
        assert a800["price_micros_per_delivered_pflops_hour"] == round(10_000_000 / 0.2515)
        assert lines["ascend910b3", "fp16"]["measured_pflops"] == 0.3132
        assert (a800["devices"], a800["measured_devices"]) == (8, 8)


def test_a_package_of_two_devices_is_one_card_and_its_rate_counts_once(tmp_path: Path) -> None:
    """Scenario S08: a 910C shows as two devices of 64 GiB; one card, two devices, 752 TFLOPS once."""
    with served(tmp_path) as one:
        install(one.centre, "ascend910c", 2, 350.0, "fp16", accepted=False)
        lines = {
            (line["model"], line["precision"]): line for line in one.done("GET", "/fleet/compute")["items"]
        }
        card = lines["ascend910c", "fp16"]
        assert (card["cards"], card["devices"]) == (1, 2)
        assert card["nominal_pflops"] * card["devices"] == pytest.approx(0.752)
        devices = [d for d in one.done("GET", "/fleet")["devices"] if d["model"] == "ascend910c"]
        assert {d["memory_bytes"] for d in devices} == {65_536 * 2**20}


def test_sources_that_disagree_stand_side_by_side_and_only_what_was_measured_is_sold(tmp_path: Path) -> None:
    """Scenario S57: MLU590 of 80 or 192 GB, five rates of a 910B; nothing is sold before its acceptance."""
    with served(tmp_path) as one:
        (mlu590,) = one.done("GET", "/fleet/catalogue/mlu590")["items"]
        sizes = {mlu590["memory_bytes"] / 2**30} | {
            c["value"] for c in mlu590["claims"] if c["figure"] == "memory_gb"
        }
        assert {80.0, 192.0} <= sizes
        family = one.done("GET", "/fleet/catalogue/ascend910b")["items"]
        said = {c["value"] for chip in family for c in chip["claims"] if c["figure"] == "fp16"}
        said |= {rate["tflops"] for chip in family for rate in chip["rates"] if rate["precision"] == "fp16"}
        assert {280.0, 313.0, 320.0, 376.0} <= said
        assert all(c["source"] and c["confidence"] for chip in family for c in chip["claims"])
        install(one.centre, "ascend910b3", 8, 280.0, accepted=False)
        sell(one, "ascend910b3", 6.0)
        open_tenant(one, "acme")
        asked = {"id": "q", "tenant": "acme", "model": "ascend910b3", "devices": 8, "hours": 1}
        quote = one.done("POST", "/quotes", json=asked)
        assert not quote["available"]
        one.turn(1)
        install(one.centre, "ascend910b3", 8, 280.0)
        assert one.done("POST", "/quotes", json={**asked, "id": "q2"})["available"]


def test_a_site_adds_and_overrides_and_a_sparse_figure_is_flagged(tmp_path: Path) -> None:
    """Scenario S07 in the catalogue: 1,979 TFLOPS "FP16" of an H100 is the sparse figure; 989 is kept."""
    text = (
        "id,stack,vendor,model,source,bf16,fp16_bf16_dense_tflops,memory_gb,devices_per_card\n"
        "h100,cuda,NVIDIA,H100 SXM5,our invoice,yes,1979,80,1\n"
        "own-x1,cann,Own,X1,our laboratory,no,100,32,2\n"
    )
    with served(tmp_path) as one:
        done = one.done("POST", "/fleet/catalogue?filename=own.csv", content=text.encode())
        assert ["1979 TFLOPS at fp16 is the sparse figure" in flag for flag in done["flags"]] == [True, False]
        (h100,) = one.done("GET", "/fleet/catalogue/h100")["items"]
        assert {r["precision"]: r["tflops"] for r in h100["rates"]} == {"fp16": 989.0, "bf16": 989.0}
        assert h100["source"] == "our invoice"
        sparse = [c for c in h100["claims"] if c["remark"] == "sparse" and c["source"] == "our invoice"]
        assert [c["value"] for c in sparse] == [1979.0, 1979.0]
        assert any(c["figure"] == "fp32" for c in h100["claims"]), "what the built-in entry said stays beside"
        install(one.centre, "own-x1", 2, 90.0, "fp16")
        assert one.done("GET", "/fleet/catalogue")["own"] == ["h100", "own-x1"]
        assert one.done("DELETE", "/fleet/catalogue/h100") == {"id": "h100"}
        assert one.done("GET", "/fleet/catalogue/h100")["items"][0]["source"] != "our invoice"
        for bad, code in (
            (b"id,stack\nx,cuda\n", "column_missing"),
            (text.replace("1979", "fast").encode(), "cell_malformed"),
            (text.replace("our invoice", "").encode(), "cell_empty"),
            (text.encode() + b"own-x1,cann,Own,X1,again,no,1,1,1\n", "id_duplicate"),
            (b"\xff", "not_utf8"),
        ):
            answer = one.ask("POST", "/fleet/catalogue?filename=own.csv", content=bad)
            assert (answer.status_code, answer.json()["refusals"][0]["code"]) == (422, code)


OWN = (
    "id,stack,vendor,model,source,fp16_bf16_dense_tflops,memory_gb,torch_package,torch_device,collective,"
    "visible_devices,device_files\n"
    "own-x1,ownstack,Own,X1,our laboratory,100,32,torch_own,owndev,occl,OWN_VISIBLE_DEVICES,/dev/full\n"
)


def test_a_chip_with_a_stack_of_its_own_is_checked_for_placed_on_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the site's table to the process: the check, the price, the filter, the variant, the variables."""
    (tmp_path / "train.py").write_bytes(CUDA_ONLY)
    with served(tmp_path / "centre") as one:
        monkeypatch.setenv("PENSTOCK_URL", one.url)
        monkeypatch.setenv("PENSTOCK_TOKEN", one.admin)
        asked = ["port", "check", str(tmp_path / "train.py"), "--to", "own-x1", "--json"]
        assert main(asked) == 1
        assert "target_unknown" in capsys.readouterr().out
        one.done("POST", "/fleet/catalogue?filename=own.csv", content=OWN.encode())
        assert main(asked) == 0
        (target,) = json.loads(capsys.readouterr().out)["targets"]
        assert (target["stack"], target["verdict"]) == ("ownstack", "needs_edits")
        assert any("no remedy on record" in effect["remedy"] for effect in target["effects"])
        install(one.centre, "own-x1", 2, 90.0, "fp16")
        sell(one, "own-x1", 3.0)
        open_tenant(one, "acme")
        spec: dict[str, Any] = {
            "workdir": upload(one, train__py=CUDA_ONLY), "run": "python train.py", "software": {"check": True},
            "models": ["own-x1"],
        }  # fmt: skip
        assert "LIB-001" in submit(one, "cuda-only", **spec)["barred"]["ownstack"]
        variant = {
            "setup": "pip install torch_own",
            "run": "python port.py",
            "env": {"SIMULATED_SECONDS": "60"},
        }
        submit(one, "ported", **spec, variants={"ownstack": variant})
        one.turn()
        assert one.done("GET", "/jobs/acme.cuda-only/why")["reason"] == "no_fit_software"
        assert models_of(one, "acme.ported") == {"own-x1"}
        (plan,) = (run.plan for run in one.centre.engine._runs.values())
        assert plan is not None
        assert (plan.spec.setup, plan.spec.run) == ("pip install torch_own", "python port.py")
        told = task_environment(plan, plan.tasks[0], home="/h", tmp="/t", checkpoint="", expose=())
        assert told["PENSTOCK_STACK"] == "ownstack"
        assert (told["PENSTOCK_TORCH_PLUGIN"], told["PENSTOCK_TORCH_DEVICE"]) == ("torch_own", "owndev")
        assert (told["PENSTOCK_COLLECTIVE"], told["OWN_VISIBLE_DEVICES"]) == (
            "occl",
            plan.tasks[0].handles[0],
        )
        assert device_files(plan.tasks) == ("/dev/full",)
        one.turn(minutes=3)
        assert show_job(one.centre.app, SYSTEM, "acme.ported").job.state == "succeeded"


def test_a_device_that_slows_down_raises_an_alarm(one: Served) -> None:
    assert one.done("GET", "/fleet/alarms")["items"] == []
    one.turn(minutes=60)
    measure(one.centre, "h800.0", 780.0 * 0.95)
    measure(one.centre, "h800.1", 780.0 * 0.85)
    (alarm,) = one.done("GET", "/fleet/alarms")["items"]
    assert (alarm["device"], alarm["figure"], alarm["accepted"]) == ("h800.1", "bf16", 780.0)
    one.turn(minutes=60)
    measure(one.centre, "h800.1", 781.0)
    assert one.done("GET", "/fleet/alarms")["items"] == []


def test_links_among_nodes_are_recorded_once(one: Served) -> None:
    link = {
        "members": ["h800", "a100-0000"],
        "backend": "nccl",
        "message_bytes": 2**26,
        "bus_bytes_per_s": 45e9,
        "spread": 0.02,
    }
    for _ in range(2):
        one.done("POST", "/fleet/links", json=link)
    (kept,) = one.done("GET", "/fleet/links")["items"]
    assert (kept["kind"], kept["bus_bytes_per_s"]) == ("node", 45e9)
    assert one.ask("POST", "/fleet/links", json={**link, "members": ["h800", "nowhere"]}).status_code == 422
