"""A second device, emulated in the CPU's memory (device.cpp), and torch's fused cells there, as GPUs have them."""

import subprocess
import types
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.cpp_extension import include_paths, library_paths

NAME = "emulated"
DEVICES = (NAME, *(["cuda"] if torch.cuda.is_available() else []))
"""The devices that are compared with the CPU."""
SOURCE = Path(__file__).with_name("device.cpp")
FUSED = torch.library.Library("aten", "IMPL", "PrivateUse1")


def register() -> None:
    """Make the device known to torch as `emulated`. Once in a process."""
    torch.utils.rename_privateuse1_backend(NAME)
    module = types.ModuleType(f"torch.{NAME}")
    module.is_available = lambda: True
    module.device_count = lambda: 1
    module.current_device = lambda: 0
    module._is_in_bad_fork = lambda: False
    module.manual_seed_all = lambda seed: None
    module.get_amp_supported_dtype = lambda: [torch.float16, torch.bfloat16]
    torch._register_device_module(NAME, module)
    torch.ops.load_library(built())
    for name, function in {
        "_thnn_fused_lstm_cell": lstm_cell,
        "_thnn_fused_lstm_cell_backward_impl": lstm_cell_backward,
        "_thnn_fused_gru_cell": gru_cell,
        "_thnn_fused_gru_cell_backward": gru_cell_backward,
    }.items():
        FUSED.impl(name, function)


def built() -> Path:
    """The compiled device; it takes some seconds where it is not there, or older than its source."""
    library = SOURCE.parent / "__pycache__" / f"device-{torch.__version__}.so"
    if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
        library.parent.mkdir(exist_ok=True)
        paths = [*(f"-I{path}" for path in include_paths()), *(f"-L{path}" for path in library_paths())]
        words = ["c++", "-std=c++20", "-O0", "-w", "-shared", "-fPIC", str(SOURCE), *paths, "-lc10", "-ltorch_cpu"]
        subprocess.run([*words, "-o", str(library)], check=True)
    return library


def lstm_cell(
    of_x: Tensor, of_h: Tensor, c: Tensor, bias_ih: Tensor | None = None, bias_hh: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """h, c and the gates."""
    a = of_x + of_h if bias_ih is None or bias_hh is None else of_x + of_h + bias_ih + bias_hh
    i, f, g, o = a.chunk(4, dim=1)
    gates = i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c, torch.cat(gates, dim=1)


def lstm_cell_backward(
    dh: Tensor | None, dc: Tensor | None, c: Tensor, after: Tensor, gates: Tensor, has_bias: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of the preactivations, of c and of the biases."""
    i, f, g, o = gates.chunk(4, dim=1)
    dh, dc = (torch.zeros_like(c) if grad is None else grad for grad in (dh, dc))
    dc = dh * o * (1 - after.tanh() ** 2) + dc
    da = torch.cat(
        [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * after.tanh() * o * (1 - o)], 1
    )
    return da, dc * f, da.sum(0) if has_bias else da.new_empty(0)


def gru_cell(
    of_x: Tensor, of_h: Tensor, h: Tensor, bias_ih: Tensor | None = None, bias_hh: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """h, and what the way back needs."""
    if bias_ih is not None and bias_hh is not None:
        of_x, of_h = of_x + bias_ih, of_h + bias_hh
    (r_x, z_x, n_x), (r_h, z_h, n_h) = of_x.chunk(3, dim=1), of_h.chunk(3, dim=1)
    r, z = (r_x + r_h).sigmoid(), (z_x + z_h).sigmoid()
    n = (n_x + r * n_h).tanh()
    return n + z * (h - n), torch.cat([r, z, n, h, n_h], dim=1)


def gru_cell_backward(dh: Tensor, kept: Tensor, has_bias: bool) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The gradients of both preactivations, of h and of both biases."""
    r, z, n, h, n_h = kept.chunk(5, dim=1)
    dz, dn = dh * (h - n) * z * (1 - z), dh * (1 - z) * (1 - n**2)
    dr = dn * n_h * r * (1 - r)
    of_x, of_h = torch.cat([dr, dz, dn], dim=1), torch.cat([dr, dz, dn * r], dim=1)
    none = dh.new_empty(0)
    return of_x, of_h, dh * z, of_x.sum(0) if has_bias else none, of_h.sum(0) if has_bias else none
