"""A program for CUDA."""

import torch
from flash_attn import flash_attn_func  # noqa: F401

device = "cuda" if torch.cuda.is_available() else "cpu"
model = torch.nn.Linear(4, 4).cuda()
if model.weight.device.type == "cuda":
    torch.cuda.manual_seed(1)
