"""Muon: momentum whose matrices are made orthogonal before each step, for the convolutions; AdamW for the rest.

Muon is Keller Jordan's (kellerjordan.github.io/posts/muon, 2024). torch.optim.Muon takes matrices only, one by one and
in bfloat16; a small network has a hundred convolutions of a dozen shapes, so here those of one shape are done together,
in float32, and a convolution counts as the matrix (out, in * height * width).
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import nn
from torch.optim.adamw import adamw

from tailcutmix.models.multiscale import MultiScaleNet

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration, as in the public code: steep at 0 rather than convergent to 1."""

ITERATIONS = 5
BETAS, EPS = (0.9, 0.99), 1e-8


def orthogonalised(matrices: torch.Tensor) -> torch.Tensor:
    """(n, r, c) float32 -> about U V^T of each U S V^T: singular values between .7 and 1.2.

    The iteration X <- a X + (b A + c A^2) X with A = X X^T is carried out on the (r, r) matrices alone, for all its
    polynomials in A commute; X is multiplied once, by their product.
    """
    wide = matrices if matrices.shape[-2] <= matrices.shape[-1] else matrices.mT
    wide = wide / (torch.linalg.matrix_norm(wide, keepdim=True) + 1e-7)
    gram = wide @ wide.mT
    a, b, c = QUINTIC
    identity = torch.eye(gram.shape[-1], device=gram.device, dtype=gram.dtype)
    product = identity.expand_as(gram)
    for _ in range(ITERATIONS):
        polynomial = a * identity + b * gram + c * (gram @ gram)
        product = polynomial @ product
        gram = polynomial @ gram @ polynomial
    result: torch.Tensor = product @ wide
    return result if matrices.shape[-2] <= matrices.shape[-1] else result.mT


class Muon(torch.optim.Optimizer):
    """One optimiser with two groups of parameters.

    Args:
        matrices: convolution weights (out, in, h, w), stepped by Muon: Nesterov momentum, orthogonalised, times
            ``lr * sqrt(max(1, rows / columns))``; no weight decay.
        others: every other parameter, stepped by AdamW with ``adamw_lr`` and ``weight_decay``.
        lr: of Muon, such as 0.05.
        momentum: of Muon.
        adamw_lr, weight_decay: of AdamW.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        adamw_lr: float = 0.006,
        weight_decay: float = 0.0,
    ):
        groups = [
            {"params": list(matrices), "lr": lr, "muon": True},
            {"params": list(others), "lr": adamw_lr, "muon": False},
        ]
        super().__init__(groups, {"momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure is evaluated
        """One step of both groups; parameters without gradient stay."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["muon"]:
                self._step_matrices(parameters, group["lr"], group["momentum"])
            elif parameters:
                self._step_others(parameters, group["lr"], group["weight_decay"])

    def _step_matrices(self, parameters: list[nn.Parameter], lr: float, momentum: float) -> None:
        of_shape: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
        for parameter in parameters:
            of_shape[len(parameter), parameter[0].numel()].append(parameter)
        for (rows, columns), alike in of_shape.items():
            updates = [self._momentum(parameter, momentum).reshape(rows, columns) for parameter in alike]
            stepped = orthogonalised(torch.stack(updates)).mul_(-lr * math.sqrt(max(1.0, rows / columns)))
            for parameter, update in zip(alike, stepped, strict=True):
                parameter.add_(update.view(parameter.shape))

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> torch.Tensor:
        """Nesterov's look ahead of the running mean of the gradients."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        gradient = cast(torch.Tensor, parameter.grad)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return torch.lerp(gradient, state["momentum"], momentum)

    def _step_others(self, parameters: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
                state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        states = [self.state[parameter] for parameter in parameters]
        adamw(
            list[torch.Tensor](parameters),
            [cast(torch.Tensor, parameter.grad) for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=lr,
            weight_decay=weight_decay,
            eps=EPS,
            maximize=False,
        )


def matrices_and_others(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weights of a network that Muon steps, and its other parameters.

    Muon takes every convolution but the first and the last layers (``model.ends()``, where the model has them): their
    rows are colours and classes, whose scale means something.
    """
    ends: list[nn.Module] = model.ends() if isinstance(model, MultiScaleNet) else []
    of_ends = {id(parameter) for module in ends for parameter in module.parameters()}
    matrices = [p for p in model.parameters() if p.ndim == 4 and id(p) not in of_ends]
    chosen = set(map(id, matrices))
    return matrices, [parameter for parameter in model.parameters() if id(parameter) not in chosen]
