"""Jobs in images on the local engine: real images, unpacked by skopeo and umoci, run by real processes."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.contract.bench import Bench, Opened
from tests.contract.harnesses import LocalHarness
from tests.contract.images import MACHINE, archive, layout, need_tools

from penstock.base.refusal import Fault, Refused
from penstock.engines.local.host import IMAGE_LEVELS, Isolation
from penstock.engines.local.images import store
from penstock.engines.local.images.seccomp import PROFILES
from penstock.lease.job import AttemptState, Resources

SECOND = {
    "\udcff": "no text",
    "opt/greeting": "hello\n",
    "etc/gone": "x",
    "mnt/": "",
    "mnt/kept": "kept\n",
    "link": "->/opt",
}
THIRD = {"etc/.wh.gone": "", "etc/resolv.conf": "->/nowhere", "opt/greeting": "hello again\n"}
NAME = "registry.example/tiny:1"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the images of a host are, with one in it that has layers over layers."""
    need_tools()
    base = tmp_path_factory.mktemp("host")
    (base / "driver").mkdir()
    (base / "driver" / "lib").write_text("of the host\n")
    env = ("GREETING=from the image", "HOME=/nowhere", "PATH=/opt/bin:/bin", "MASTER_PORT=1", "RANK=9")
    made = archive(layout(base / "made", SECOND, THIRD, env=env))
    store.add(base / "images", NAME, str(made), (base / "driver",))
    return base / "images"


@pytest.fixture(params=IMAGE_LEVELS, ids=str)
def bench(kept: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """That image, run by crun and by ourselves."""
    need_tools(*(["crun"] if request.param is Isolation.CRUN else []))
    harness = LocalHarness("image", request.param, images=kept)
    harness.image = NAME
    one = Bench(Opened(harness, tmp_path / "engine"), tmp_path)
    yield one
    one.end_all()
    one.engine.close()


def said(bench: Bench, run: str, **more: object) -> list[str]:
    bench.start("a", run, **more)
    bench.end("a")
    return bench.log("a").splitlines()


def test_the_file_system_is_that_of_the_image_layer_over_layer(bench):
    assert said(bench, "cat /opt/greeting /mnt/kept; ls /etc; ls -d /usr /home; id -u") == [
        *("hello again", "kept", "hosts", "resolv.conf"),
        *("ls: /usr: No such file or directory", "ls: /home: No such file or directory", "0"),
    ]


def test_variables_are_the_programs_before_the_images_and_places_are_ours(bench):
    run = "echo $GREETING, $PATH, $HOME, $PWD, $MASTER_ADDR, $RANK of $WORLD_SIZE, $OTHER; [ $MASTER_PORT -gt 1 ] || echo bad"
    assert said(bench, run, env={"OTHER": "mine"}) == [
        "from the image, /opt/bin:/bin, /workspace, /workspace, 127.0.0.1, 0 of 1, mine"
    ]
    bench.start("b", "echo $GREETING", env={"GREETING": "mine"})
    bench.end("b")
    assert bench.log("b") == "mine\n"


def test_nothing_is_written_but_to_the_jobs_own_places(bench):
    run = """
    for path in /x /etc/x /opt/x /mnt/x /bin/x /penstock/x /proc/sys/kernel/hostname; do
      (: >> $path) 2>/dev/null && echo writes $path
    done
    mount -t tmpfs none /tmp 2>/dev/null && echo mounts
    for place in /tmp /var/tmp /workspace /checkpoint /dev/shm; do echo x > $place/x && echo $place; done
    grep CapEff /proc/self/status
    """
    places = ["/tmp", "/var/tmp", "/workspace", "/checkpoint", "/dev/shm"]
    assert said(bench, run) == [*places, "CapEff:\t0000000000000000"]
    assert (bench.left / "x").read_text() == "x\n"


def test_a_volume_lies_also_in_a_directory_of_the_image(bench):
    (bench.base / "volume").mkdir()
    plan = bench.plan("a", "cat /mnt/kept; echo x > /mnt/deep/er/x; ls /mnt")
    bench.begin(msgspec.structs.replace(plan, volumes={"/mnt/deep/er": str(bench.base / "volume")}))
    assert bench.end("a").state == AttemptState.SUCCEEDED
    assert bench.log("a") == "kept\ndeep\nkept\n"
    assert (bench.base / "volume" / "x").read_text() == "x\n"


@pytest.mark.parametrize("path", ["/link/x", "/mnt/kept", "/opt/greeting/x"])
def test_no_volume_goes_through_a_link_or_a_file_of_the_image(bench, path):
    plan = bench.plan("a", "true")
    bench.begin(msgspec.structs.replace(plan, volumes={path: str(bench.base)}))
    assert bench.end("a").cause == "mount_path"
    assert path in bench.log("a")


def test_what_the_operator_shows_is_there_and_no_more_of_the_host(bench, kept):
    shown = kept.parent / "driver"
    lines = said(
        bench, f"cat {shown}/lib; ls {kept.parent}; (: >> {shown}/lib) 2>/dev/null || echo read-only"
    )
    assert lines == ["of the host", "driver", "read-only"]


def test_nothing_of_the_host_is_reached_by_way_of_another_process(bench):
    run = "for pid in 1 $PPID; do for what in root cwd fd environ; do ls -L /proc/$pid/$what/ 2>/dev/null; done; done; ls /proc/self/fd"
    assert said(bench, run) == ["0", "1", "2", "3"]


def test_without_a_network_there_is_only_the_loopback(bench):
    assert said(bench, "cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '", network="none") == ["lo"]


@pytest.mark.skipif(not any(path.is_file() for path in PROFILES), reason="no containers-common here")
def test_system_calls_are_filtered_by_the_hosts_profile_for_containers(bench):
    bench.start("a", "grep Seccomp: /proc/self/status; grep NoNewPrivs /proc/self/status")
    seen = bench.end("a")
    assert bench.log("a").split() == ["Seccomp:", "2", "NoNewPrivs:", "1"]
    assert seen.limits["system_calls"] == str(next(path for path in PROFILES if path.is_file()))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device file")
def test_devices_are_those_of_the_task_and_nothing_else_of_the_vendor(bench):
    device = Path(f"/dev/penstock-test-{os.getpid()}")
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    try:
        plan = bench.plan("a", f"echo $OWN_DEVICES; : > {device} && ls /dev | grep penstock; ls /opt")
        own = {"stack": "own", "visible_devices": "OWN_DEVICES", "device_files": (f"{device}*",)}
        task = msgspec.structs.replace(plan.tasks[0], handles=("7",), **own)
        bench.begin(msgspec.structs.replace(plan, tasks=(task,)))
        assert bench.end("a").state == AttemptState.SUCCEEDED
        assert bench.log("a").split() == ["7", device.name, "greeting"]
    finally:
        device.unlink()


def test_memory_and_processors_are_limited_and_the_record_names_the_image(bench):
    run = "nproc; head -c 200000000 /dev/zero | tail -c 200000000 | cat > /dev/null; exit $?"
    bench.start("a", run, resources=Resources(models=("cpu",), memory_bytes=2**26))
    seen = bench.end("a")
    assert seen.limits["image"].startswith(f"{NAME} sha256:")
    assert seen.limits["isolation"] == bench.engine.host.isolation
    assert bench.log("a").splitlines()[0] == "1"
    if bench.offers("memory"):
        assert "cgroup" in seen.limits["memory"]
        assert seen.memory_peak_bytes <= 2**26


def test_a_gang_shares_one_image_and_dies_whole(bench):
    run = "[ $RANK = 0 ] && { touch /tmp/up; (setsid sleep 600 &); exec sleep 600; }; "
    run += "until [ -e /tmp/up ]; do sleep 0.05; done; exit 7"
    bench.start("a", run, tasks=2)
    seen = bench.end("a")
    assert (seen.state, seen.cause, [one.exit_code for one in seen.exits]) == (
        AttemptState.FAILED,
        "exit",
        [None, 7],
    )
    assert bench.survivors("a") == []


def test_tasks_that_begin_together_do_not_meet_where_their_mounts_are_made(bench):
    names = [f"a{number}" for number in range(25)]
    for name in names:
        bench.start(name, "exit 0", tasks=2)
    assert bench.ends(names) == dict.fromkeys(names, AttemptState.SUCCEEDED)


def test_an_image_that_is_not_there_fails_before_any_program(bench):
    bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran", image="other:1")
    seen = bench.end("a")
    assert (seen.cause, seen.running_at, list(bench.left.iterdir())) == ("image_unknown", None, [])
    assert bench.engine.capacity().images == (NAME,)


def test_without_namespaces_no_image_is_run(open_bench, kept):
    bench = open_bench(Isolation.PROCESS_GROUPS, images=kept)
    assert bench.engine.capacity().images is None
    bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/ran", image=NAME)
    assert (bench.end("a").cause, list(bench.left.iterdir())) == ("images_unavailable", [])


def test_an_image_in_use_stays_and_goes_when_nobody_runs_in_it(bench, tmp_path):
    kept = tmp_path / "own"
    store.add(kept, "own:1", str(layout(tmp_path / "made")))
    bench.opened.harness._options = {"images": kept}
    bench.reopen()
    bench.start("a", "touch $PENSTOCK_CHECKPOINT_DIR/up; exec sleep 600", image="own:1")
    bench.file("up")
    (tmp_path / "link").symlink_to(tmp_path)
    for way in (kept, tmp_path / "link" / "own"):
        with pytest.raises(Refused, match=r"image_in_use.*a-"):
            store.remove(way, "own:1", bench.root)
    bench.stop("a", 0)
    bench.end("a")
    store.remove(kept, "own:1", bench.root)
    assert bench.engine.capacity().images == ()
    assert sorted(path.name for path in kept.iterdir()) == [".lock"]
    with pytest.raises(Refused, match=r"image_unknown.*there is: none"):
        store.remove(kept, "own:1", bench.root)


def _other_machine(base: Path) -> Path:
    return layout(base / "made", architecture="s390x")


def _no_archive(base: Path) -> Path:
    (base / "file").write_bytes(b"no archive" * 1000)
    return base / "file"


def _no_image(base: Path) -> Path:
    with tarfile.open(base / "file.tar", "w") as tar:
        tar.add(__file__, "x")
    return base / "file.tar"


def _cut(base: Path) -> Path:
    path = archive(layout(base / "made"))
    os.truncate(path, path.stat().st_size // 2)
    return path


def _layer_changed(base: Path) -> Path:
    made = layout(base / "made")
    largest = max((made / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-4] + b"evil")
    return made


def _no_manifest(base: Path) -> Path:
    made = layout(base / "made")
    (made / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": []}))
    return made


def _no_shell(base: Path) -> Path:
    return layout(base / "made", shell=False)


def _nothing(base: Path) -> Path:
    return base / "nowhere"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_other_machine, f"image_architecture.*linux/s390x.*linux/{MACHINE}"),
        (_no_archive, "image_broken.*no archive"),
        (_no_image, "image_broken.*of no image"),
        (_cut, "image_broken"),
        (_layer_changed, "image_broken"),
        (_no_manifest, "image_broken"),
        (_no_shell, "image_without_shell"),
        (_nothing, "image_source_missing"),
    ],
)
def test_what_is_no_image_for_this_host_is_refused_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Path], Path], code: str
) -> None:
    need_tools()
    with pytest.raises(Refused, match=code):
        store.add(tmp_path / "images", "x:1", str(make(tmp_path)))
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == [".lock"]


def test_an_image_whose_links_lead_out_changes_nothing_outside(tmp_path: Path) -> None:
    need_tools()
    (tmp_path / "outside").mkdir()
    made = layout(
        tmp_path / "made", {"evil": f"->{tmp_path}/outside", "up": "->../../../../../../.."}, {"evil/x": "x"}
    )
    out = {"etc/hosts": f"->{tmp_path}/outside/hosts", "var/tmp": f"->{tmp_path}/outside/tmp"}
    second = layout(tmp_path / "second", {"etc/.wh..wh..opq": "", **out})
    store.add(tmp_path / "images", "one:1", str(made))
    store.add(tmp_path / "images", "two:1", str(second))
    assert list((tmp_path / "outside").iterdir()) == []
    third = layout(tmp_path / "third", {tmp_path.parts[1]: "->/opt"})
    with pytest.raises(Refused, match="show_path"):
        store.add(tmp_path / "images", "three:1", str(third), (tmp_path / "outside",))
    with pytest.raises(Refused, match="show_missing"):
        store.add(tmp_path / "images", "three:1", str(made), (tmp_path / "nowhere",))


ADD = """
import os, sys
from pathlib import Path
from penstock.engines.local.images import store
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
store.add(Path(sys.argv[1]) / "images", "x:1", sys.argv[1] + "/made")
store.remove(Path(sys.argv[1]) / "images", "x:1", Path(sys.argv[1]) / "attempts")
"""


def test_a_user_adds_an_image_whose_directories_only_root_may_change() -> None:
    need_tools()
    with tempfile.TemporaryDirectory(prefix="penstock-test-") as name:
        place = Path(name)
        place.chmod(0o777)
        layout(place / "made", {"./": "", "etc/resolv.conf/x": "a directory"}, mode=0o555)
        environment = {"PATH": os.environ["PATH"], "HOME": name}
        done = subprocess.run(
            [sys.executable, "-c", ADD, name], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert [path.name for path in (place / "images").iterdir()] == [".lock"]


def test_a_file_in_the_way_of_a_place_of_ours_gives_way(tmp_path: Path) -> None:
    need_tools()
    made = layout(tmp_path / "made", {"var/.wh.tmp": "", "var/tmp": "a file"})
    store.add(tmp_path / "images", "x:1", str(made))
    rootfs = store.rootfs_of(tmp_path / "images", "x:1")
    assert (rootfs / "var/tmp").readlink() == Path("/tmp")


def test_what_an_image_says_in_vain_is_told(tmp_path: Path) -> None:
    need_tools()
    found = store.add(tmp_path / "images", "x:1", str(layout(tmp_path / "made")))
    assert found.unused == ("WORKDIR /nowhere", "USER 1000", 'ENTRYPOINT ["/nowhere"]')


def test_a_host_that_fails_while_an_image_is_added_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("no directory")
    with pytest.raises(Fault, match=r"adding the image x:1"):
        store.add(tmp_path / "images", "x:1", str(tmp_path))


def test_a_name_is_given_once_and_leftovers_are_cleared_away(tmp_path: Path) -> None:
    need_tools()
    made = str(layout(tmp_path / "made"))
    (tmp_path / "images" / ".new-of-one-that-was-killed" / "deep").mkdir(parents=True, mode=0o500)
    added = store.add(tmp_path / "images", "x:1", made)
    with pytest.raises(Refused, match="image_exists"):
        store.add(tmp_path / "images", "x:1", made)
    assert store.known(tmp_path / "images") == (added,)
    assert len(list((tmp_path / "images").iterdir())) == 2


def test_the_tools_are_asked_for_where_they_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"image_tool_missing.*skopeo"):
        store.add(tmp_path / "images", "x:1", str(tmp_path))


@pytest.mark.skipif(
    shutil.which("podman") is None or os.geteuid() != 0, reason="podman is not installed here"
)
def test_an_image_of_podmans_storage(tmp_path: Path) -> None:
    need_tools()
    name = f"localhost/penstock-test-{os.getpid()}:1"
    made = layout(tmp_path / "made")
    into = ["skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{made}", f"containers-storage:{name}"]
    subprocess.run(into, check=True, capture_output=True)
    try:
        assert store.add(tmp_path / "images", "x:1", f"podman:{name}").shell == "/bin/sh"
    finally:
        subprocess.run(["podman", "rmi", name], check=True, capture_output=True)
    with pytest.raises(Refused, match="image_broken"):
        store.add(tmp_path / "images", "y:1", f"podman:{name}")
