"""A program for CUDA that needs no person."""

import torch

model = torch.nn.Linear(4, 4).cuda()
