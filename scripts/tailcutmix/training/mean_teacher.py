"""A mean teacher on unlabelled images under CutMix.

The teacher's weights are an exponential mean of the student's (Tarvainen and Valpola, NeurIPS 2017). Its predictions of
two unlabelled crops, mixed by a mask, are what the student shall predict of the two crops mixed by the same mask
(French et al., BMVC 2020, and their public code, Britefury/cutmix-semisup-seg). As there, both are in training mode, so
BatchNorm takes the statistics of the batch in each forward pass, and the teacher's running statistics follow the
student's as its weights do.
"""

import copy
import logging
import math
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from tailcutmix.devices import autocast
from tailcutmix.mixing.unlabelled import Pairs
from tailcutmix.plan.settings.recipe import Recipe
from tailcutmix.training.distributed import Process, all_sum, synchronise_batchnorm

log = logging.getLogger(__name__)


class MeanTeacher:
    """A teacher that follows its student.

    Attributes:
        network: the teacher.
    """

    def __init__(self, student: nn.Module, pairs: Callable[[int], Pairs], recipe: Recipe, process: Process, total: int):
        """Begin with the student's weights.

        Args:
            student: on its device, not yet wrapped for several processes.
            pairs: the unlabelled pairs of a step, this process's share of them.
            recipe: its section ``semi`` is heeded, and ``bf16`` and ``accumulate`` of ``training``.
            process: this one among those that share each batch.
            total: steps of the whole training.
        """
        self.network = copy.deepcopy(student).requires_grad_(False)
        if process.world > 1:
            self.network = synchronise_batchnorm(self.network, process.device)
        self._pairs, self._process, self._total = pairs, process, total
        self._settings, self._training = recipe.semi, recipe.training
        self._average = get_ema_multi_avg_fn(recipe.semi.teacher_decay)
        self._sure = torch.zeros(2, dtype=torch.float64, device=process.device)  # sum over the steps, steps

    def teach(self, student: nn.Module, step: int) -> torch.Tensor:
        """Forward and backward of the student on the mixed pairs of a step; gradients are added to those it has.

        Args:
            student: wrapped for several processes, which exchange their gradients with the last part alone.
            step: number of the step.

        Returns:
            This process's share of the consistency loss: a scalar on the device.
        """
        pairs, semi = self._pairs(step), self._settings
        parts = min(self._training.accumulate, len(pairs.mask))
        first, second = (x.contiguous(memory_format=torch.channels_last) for x in (pairs.first, pairs.second))
        pieces = list(zip(first.chunk(parts), second.chunk(parts), pairs.mask.chunk(parts), strict=True))
        wanted = [self.targets(*piece) for piece in pieces]
        sure = [target.amax(1) >= semi.consistency_confidence for target in wanted]
        pixels = pairs.mask.numel() * self._process.world
        share = all_sum(torch.stack([part.sum() for part in sure]).sum()) / pixels
        self._sure += torch.stack([share.double(), torch.ones_like(share, dtype=torch.float64)])
        weight = semi.consistency_weight * rampup(step, semi.consistency_rampup * self._total) / pixels
        total = torch.zeros((), device=share.device)
        for number, (a, b, mask) in enumerate(pieces):
            last = number + 1 == parts
            with nullcontext() if last else getattr(student, "no_sync", nullcontext)():
                with autocast(a.device, self._training.bf16):
                    logits = student(torch.where(mask[:, None], b, a)).logits
                difference = (logits.float().softmax(1) - wanted[number]).square().sum(1)
                counted = pairs.inside.chunk(parts)[number].float()
                counted = counted * (share if semi.consistency_counts == "share" else sure[number])
                loss = weight * (difference * counted).sum()
                (loss * self._process.world).backward()  # gradients are averaged over processes, the loss is a sum
            total += loss.detach()
        return total

    @torch.no_grad()
    def targets(self, first: torch.Tensor, second: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(b, C, h, w) float32: the teacher's probabilities of two crops (b, 3, h, w), mixed by a mask (b, h, w)."""
        with autocast(first.device, self._training.bf16):
            ours, theirs = self.network(first).logits, self.network(second).logits
        return torch.where(mask[:, None], theirs.float(), ours.float()).softmax(1)

    @torch.no_grad()
    def follow(self, student: nn.Module) -> None:
        """One step of the exponential mean: of the weights and, as in the public code, of BatchNorm's statistics."""
        self._average(_floats(self.network), _floats(student), 0)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """All that is not the student's, by name."""
        return self.network.state_dict() | {"sure": self._sure}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Inverse of :meth:`state_dict`."""
        self._sure.copy_(state["sure"])
        self.network.load_state_dict({name: value for name, value in state.items() if name != "sure"})

    def report(self) -> None:
        """Log how often the teacher was sure, without which it teaches nothing."""
        share, steps = self._sure.tolist()
        log.info("the teacher was sure of %.1f %% of the unlabelled pixels", 100 * share / max(steps, 1))


def rampup(step: int, steps: float) -> float:
    """exp(-5 (1 - t)^2) with t from 0 to 1 over so many steps (Laine and Aila, ICLR 2017); 1 after them."""
    return math.exp(-5 * (1 - step / steps) ** 2) if step < steps else 1.0


def _floats(network: nn.Module) -> list[torch.Tensor]:
    return [value for value in network.state_dict().values() if value.is_floating_point()]
