"""What the container of a pod runs: the tasks of one node of the gang, or a service."""

import shlex

from penstock.lease.job import JobSpec

MASTER_PORT = 29500
_RUN = """\
set -um
cat > /tmp/penstock-run <<'PENSTOCK_END'
{run}
PENSTOCK_END
{setup}
pids=() told=0 code=0 killer=
tell() {{
  [ -n "$killer" ] && return
  for pid in "${{pids[@]}}"; do kill -TERM -- "-$pid"; done
  {{ sleep {grace}; for pid in "${{pids[@]}}"; do kill -KILL -- "-$pid"; done; }} &
  killer=$!
  disown "$killer"
}} 2>/dev/null
trap 'told=1; tell' TERM
{start}
left=${{#pids[@]}}
while [ "$left" -gt 0 ]; do
  wait -n
  ended=$?
  if [ "$told" = 1 ] && [ "$ended" = 143 ] && [ -n "$(jobs -p)" ]; then told=0; continue; fi
  left=$((left - 1))
  if [ "$ended" != 0 ] && [ "$code" = 0 ]; then code=$ended; tell; fi
done
if [ -n "$killer" ]; then
  for pid in "${{pids[@]}}"; do while kill -0 -- "-$pid"; do sleep 0.1; done; done
  kill -KILL -- "-$killer"
fi 2>/dev/null
exit "$code"
"""
"""Each task leads a process group, as on our own engines: a request to end reaches all of it, and all of it has its
grace. `wait` returns when a signal has come as well."""
_TASKS = """\
export WORLD_SIZE={world} LOCAL_WORLD_SIZE={tasks} NODE_RANK="{index}" MASTER_ADDR={address} MASTER_PORT={port}
for ((local = 0; local < {tasks}; local++)); do
  {visible}LOCAL_RANK=$local RANK=$((NODE_RANK * {tasks} + local)) /bin/bash /tmp/penstock-run &
  pids+=($!)
done"""
_SERVICE = """\
/bin/bash /tmp/penstock-run &
pids+=($!)"""


def tasks(spec: JobSpec, index: str, first: str, variable: str) -> str:
    """Start the tasks of one node, fail with the first that fails, and end the others then.

    `index` is the shell's word for the number of the node, `first` the name of node 0, and `variable` what tells a
    program its devices on the stack ('' for none): each task gets its part of those of the pod, numbered from 0.
    """
    each = spec.resources.devices_per_node // spec.tasks_per_node
    numbers = f"$(seq -s, $((local * {each})) $((local * {each} + {each} - 1)))"
    start = _TASKS.format(
        world=spec.tasks,
        tasks=spec.tasks_per_node,
        index=index,
        address="127.0.0.1" if spec.nodes == 1 else first,
        port=MASTER_PORT,
        visible=f"{variable}={numbers} " if variable and spec.tasks_per_node > 1 else "",
    )
    return _script(spec, start)


def service(spec: JobSpec) -> str:
    """Start one program that does not end."""
    return _script(spec, _SERVICE)


def _script(spec: JobSpec, start: str) -> str:
    setup = f"/bin/bash -c {shlex.quote(spec.setup)} || exit" if spec.setup.strip() else ""
    return _RUN.format(run=spec.run, setup=setup, grace=spec.grace_s, start=start)
