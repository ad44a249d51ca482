"""One optimiser step on one batch."""

import math
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import nn

from tailcutmix.devices import autocast
from tailcutmix.errors import UserError
from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.distributed import all_sum, gather_bytes, world_size
from tailcutmix.training.losses import Loss
from tailcutmix.training.muon import Muon, matrices_and_others
from tailcutmix.training.targets import Targets


def build_optimiser(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    """SGD with momentum or AdamW, fused, with weight decay on all parameters as in the public recipe; or Muon."""
    if training.optimizer == "muon":
        matrices, others = matrices_and_others(model)
        return Muon(matrices, others, training.lr, training.momentum, training.adamw_lr, training.weight_decay)
    if training.optimizer == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=training.lr, weight_decay=training.weight_decay, fused=True)
    return torch.optim.SGD(
        model.parameters(),
        lr=training.lr,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
        fused=True,
    )


def training_step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: torch.Tensor,
    targets: Targets,
    training: Training,
    compute_loss: Loss,
    auxiliary: float = 0.0,
    teach: Callable[[nn.Module], torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Forward, backward and update on this process's share of a batch.

    Args:
        network: ``network(images)`` gives ``.logits`` (b, C, h, w) and ``.auxiliary``, a list of the same shape.
        images: (b, 3, h, w) float32, normalised.
        targets: labels (b, h, w).
        training: accumulate, bf16 and grad_clip are heeded.
        compute_loss: the loss of the fused logits.
        auxiliary: weight of the same loss of each training scale's own logits; 0 leaves it out.
        teach: forward and backward of a loss on other images, see :meth:`.MeanTeacher.teach`; None: there is none.

    Returns:
        (loss, norm): both scalars on the device; the mean loss over the batches of all processes, auxiliary
        terms and that of ``teach`` included, and the norm of its gradient before clipping.
    """
    images = images.contiguous(memory_format=torch.channels_last)
    weight = all_sum(compute_loss.weight(targets)).clamp_min(torch.finfo(torch.float32).tiny)
    parts = min(training.accumulate, len(images))
    pieces = list(zip(images.chunk(parts), targets.split(parts), strict=True))
    total = torch.zeros((), device=images.device)
    optimiser.zero_grad(set_to_none=True)
    torch.compiler.cudagraph_mark_step_begin()  # what an earlier step's graph put out is no longer needed
    not_yet = getattr(network, "no_sync", nullcontext)  # DDP exchanges gradients with the last part alone
    for index, (part, part_targets) in enumerate(pieces):
        with not_yet() if teach or index + 1 < len(pieces) else nullcontext():
            with autocast(images.device, training.bf16):
                outputs = network(part)
            loss = compute_loss(outputs.logits, part_targets)
            if auxiliary:
                loss = loss + auxiliary * sum(compute_loss(logits, part_targets) for logits in outputs.auxiliary)
            loss = loss / weight
            (loss * world_size()).backward()  # gradients are averaged over processes, the loss is a sum over them
        total += loss.detach()
    if teach:
        total += teach(network)
    parameters = [parameter for parameter in network.parameters() if parameter.grad is not None]
    norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
    if training.grad_clip:
        nn.utils.clip_grads_with_norm_(parameters, training.grad_clip, norm)
    optimiser.step()
    return all_sum(total), norm


class LossReader:
    """Losses that still lie on the device: reading them one by one would stop the GPU after every step."""

    def __init__(self) -> None:
        self._pending: list[tuple[int, torch.Tensor, torch.Tensor, list[str]]] = []

    def add(self, step: int, loss: torch.Tensor, norm: torch.Tensor, image_ids: list[str]) -> None:
        self._pending.append((step, loss, norm, image_ids))

    def read(self) -> list[float]:
        """The losses added since the last call; raises UserError that names the first step that went wrong."""
        if not self._pending:
            return []
        values = torch.stack([torch.stack((loss, norm.float())) for _, loss, norm, _ in self._pending]).tolist()
        pending, self._pending = self._pending, []
        for (step, total, _, image_ids), (loss, norm) in zip(pending, values, strict=True):
            if not (math.isfinite(loss) and math.isfinite(norm)):  # in all processes alike
                everywhere = gather_bytes("\n".join(image_ids).encode(), total.device)
                names = ", ".join(name for ids in everywhere for name in ids.decode().split("\n"))
                raise UserError(
                    f"training stopped at step {step}: loss {loss}, gradient norm {norm}, on the images {names}; "
                    "lower training.lr, set training.grad_clip, or look at these images and labels"
                )
        return [loss for loss, _ in values]
