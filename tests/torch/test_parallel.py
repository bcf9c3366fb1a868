"""`as_torch` under DistributedDataParallel: two processes on the CPU, connected by gloo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rnnc.compiler import compile_source
from rnnc.syntax.source import read_source
from tests.torch.support import EXAMPLES, torch

ROOT = EXAMPLES.parent

WORKER = """
import sys, torch
import torch.distributed as dist
from rnnc.torch import as_torch
import gru

rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
net = as_torch(gru, units=4, input=3, seed=rank, dtype=torch.float64)  # DDP begins with the parameters of rank 0
both = torch.nn.parallel.DistributedDataParallel(net)
optimiser = torch.optim.SGD(both.parameters(), lr=0.5)
x = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
for _ in range(3):
    optimiser.zero_grad()
    y, _ = both(x[rank::2], lengths=torch.tensor([5, 2, 4]))
    y.square().mean().backward()
    optimiser.step()
torch.save(net.state_dict(), f"{out}.{rank}")
dist.barrier()  # neither goes while the other still uses the connection
dist.destroy_process_group()
"""


def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    text = compile_source(read_source(EXAMPLES / "gru.rnn")).text
    (tmp_path / "gru.py").write_text(text, encoding="utf-8")
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "worker.py")]
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin", "GLOO_SOCKET_IFNAME": "lo"}
    workers = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "store"), str(tmp_path / "state")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
    first, second = (torch.load(tmp_path / f"state.{rank}", weights_only=True) for rank in range(2))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name])

    sys.path.insert(0, str(tmp_path))
    try:
        import gru  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("gru", None)
    from rnnc.torch import as_torch

    net = as_torch(gru, units=4, input=3, seed=0, dtype=torch.float64)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.5)
    x = torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for _ in range(3):
        optimiser.zero_grad()
        halves = [net(x[rank::2], lengths=torch.tensor([5, 2, 4]))[0].square().mean() for rank in range(2)]
        (sum(halves) / 2).backward()
        optimiser.step()
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(first[name], tensor, rtol=0, atol=1e-12)
