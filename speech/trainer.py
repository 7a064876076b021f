"""The loop, one for every model: step, evaluate, checkpoint, roll back, resume, stop.

Everything random in a step follows from the seed and the place in the data, so that a run that was stopped and
resumed ends, on a CPU, in the same bits as one that was not.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from speech import checkpoint, devices, lifetime, models, running_means
from speech.dataset import ClipEntry, Manifest
from speech.errors import BadCheckpoint, NonFinite, SpeechError
from speech.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    StageChanged,
    StepDone,
    TrainingEnded,
    TrainingStarted,
    Warned,
)
from speech.feed import Feed, frames_of, seed_of
from speech.plan import Plan
from speech.rehearsal import AcousticRehearsal, Rehearsal, VocoderRehearsal
from speech.run_folder import Entry

EXIT_FINISHED = 0
BAD_IN_A_ROW = 3  # non-finite batches before the run rolls back
MOST_ROLL_BACKS = 5  # before a person has to look
_RATE_WINDOW = 200  # steps over which the rate is measured


@dataclass
class Progress:
    """Where the run is. All of it goes into a checkpoint."""

    step: int = 0
    epoch: int = 0
    index: int = 0  # batch within the epoch
    rate_scale: float = 1.0  # halved at each roll-back
    roll_backs: int = 0
    bad_in_a_row: int = 0


class Trainer:
    """One run: a network, its optimisers and its place in the data."""

    def __init__(
        self, plan: Plan, manifest: Manifest, on_event: Callable[[Event], None], stop: lifetime.StopRequest
    ) -> None:
        self.plan, self.manifest, self.on_event, self.stop = plan, manifest, on_event, stop
        self.folder = plan.job.out_folder
        self.progress = Progress()
        self.rehearsal: Rehearsal = (
            AcousticRehearsal(plan) if plan.kind == "acoustic" else VocoderRehearsal(plan, manifest)
        )
        self.feed = Feed(plan, manifest)
        self._times: deque[float] = deque(maxlen=_RATE_WINDOW)
        self._measured: tuple[int, dict[str, float]] = (-1, {})  # step and its held-out losses
        self._saved: Entry | None = None

    def train(self) -> int:
        """Returns the exit status."""
        self._begin()
        self.on_event(StageChanged("train"))
        training = self.plan.training
        self._times.append(time.monotonic())
        while self.progress.step < training.steps:
            if self.stop.requested:
                return self._end("stopped", lifetime.EXIT_STOPPED)
            if not self._step():
                continue
            step = self.progress.step
            if step % training.evaluate_every == 0:
                self._evaluate()
            if step % training.checkpoint_every == 0 or step == training.steps:
                self._checkpoint()
        return self._end("finished", EXIT_FINISHED)

    # --- beginning ---

    def _begin(self) -> None:
        entry = checkpoint.latest_good(self.folder, self.on_event)
        warm = self._restore(entry) if entry else self._initialise()
        self._saved = entry
        plan, training = self.plan, self.plan.training
        self.on_event(
            TrainingStarted(
                model=plan.job.model,
                step=self.progress.step,
                total=training.steps,
                device=devices.describe(plan.device),
                precision=plan.precision,
                parameters=sum(one.numel() for one in self.model.parameters()),
                batch_size=min(training.batch_size, len(self.manifest.train)),
                warm_start=warm,
            )
        )

    def _initialise(self) -> dict[str, Any]:
        """A network of random weights, warm-started where there is a base."""
        torch.manual_seed(self.plan.training.seed)
        self.recipe = self.plan.recipe()
        self.model = models.build(self.plan.job.model, self.plan.config.to_json())
        header = self.plan.header(0, {})
        base = self.plan.base
        warm = checkpoint.warm_start(self.model, base, header.symbols) if base else {}
        self.model.to(self.plan.device).train()
        self.optimizers = self.recipe.optimizers(self.model)
        self._rates = {name: [group["lr"] for group in one.param_groups] for name, one in self.optimizers.items()}
        return warm

    def _restore(self, entry: Entry) -> dict[str, Any]:
        """Weights, optimisers and place as they were when `entry` was saved."""
        plan = self.plan
        saved = checkpoint.load(self.folder / entry.weights.name, expect_kind=plan.kind)
        if saved.header.model != plan.job.model or type(plan.config).from_json(saved.header.config) != plan.config:
            raise BadCheckpoint(
                f"{self.folder} holds {saved.header.describe()} of other sizes than this run asks for. Choose another "
                "folder, or the same settings.",
                code="other_run",
                folder=str(self.folder),
            )
        self._initialise()
        checkpoint.load_weights(self.model, saved)
        progress = checkpoint.load_resume(self.folder / entry.resume.name, self.optimizers, self._modules())
        self.progress = Progress(**progress)
        return {"base": saved.header.base} if saved.header.base else {}

    def _modules(self) -> dict[str, torch.nn.Module]:
        modules: Callable[[], dict[str, torch.nn.Module]] = getattr(self.recipe, "modules", dict)
        return modules()

    # --- one step ---

    def _step(self) -> bool:
        """One batch. False when it was skipped because a loss or gradient was not finite."""
        began = time.monotonic()
        progress = self.progress
        clips = self.feed.clips(progress.epoch, progress.index)
        seed = seed_of(self.plan.training.seed, progress.epoch, progress.index, progress.roll_backs)
        batch = self.feed.collate(clips, seed)
        torch.manual_seed(seed)
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        progress.index += 1
        if progress.index >= len(self.feed):
            progress.epoch, progress.index = progress.epoch + 1, 0
        try:
            losses, norm, rate = self._optimise(batch)
        except NonFinite as error:
            with torch.no_grad():  # running means have already seen the batch
                for buffer, before in zip(self.model.buffers(), buffers, strict=True):
                    buffer.copy_(before)
            self._skip(clips, error)
            return False
        progress.step += 1
        progress.bad_in_a_row = 0
        self._tell_step(batch, losses, norm, rate, time.monotonic() - began)
        return True

    def _optimise(self, batch: Any) -> tuple[dict[str, float], float, float]:
        """Losses, the largest gradient norm and the rate. Raises NonFinite before anything is moved."""
        plan, norms, rate = self.plan, [0.0], 0.0
        told: dict[str, float] = {}
        steps = self.recipe.losses(self.model, batch, step=self.progress.step)
        while True:
            with devices.autocast(plan.device, plan.precision):
                item = next(steps, None)
            if item is None:
                return told, max(norms), rate
            name, loss, parts = item
            if not bool(torch.isfinite(loss)):
                raise NonFinite(f"The {name} loss is {loss.item()}.")
            optimizer = self.optimizers[name]
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norms.append(self._clip(name))
            for group, published in zip(optimizer.param_groups, self._rates[name], strict=True):
                rate = group["lr"] = published * self.progress.rate_scale
            optimizer.step()
            told |= parts

    def _clip(self, name: str) -> float:
        parameters = self.recipe.parameters(self.model, name)
        try:
            norm = torch.nn.utils.clip_grad_norm_(
                parameters, self.plan.training.clip_norm or float("inf"), error_if_nonfinite=True
            )
        except RuntimeError as error:
            raise NonFinite(f"The {name} gradient is not finite.") from error
        return float(norm)

    def _skip(self, clips: list[ClipEntry], error: NonFinite) -> None:
        progress = self.progress
        progress.bad_in_a_row += 1
        names = [clip.id for clip in clips]
        self.on_event(
            Warned(
                "non_finite_batch",
                f"After step {progress.step} a batch was skipped: {error.message} Its clips: {', '.join(names[:8])}.",
                {"step": progress.step, "clips": names},
            )
        )
        if progress.bad_in_a_row >= BAD_IN_A_ROW:
            self._roll_back(error)

    def _roll_back(self, error: NonFinite) -> None:
        """Back to the last good checkpoint at half the rate; the data goes on behind the batches that failed."""
        now = self.progress
        if now.roll_backs >= MOST_ROLL_BACKS:
            raise NonFinite(
                f"{error.message} It was so after {now.roll_backs} roll-backs too. Look at the clips named above, or "
                "take a lower learning rate.",
                step=now.step,
            )
        entry = checkpoint.latest_good(self.folder, self.on_event)
        if entry:
            self._restore(entry)
        else:
            self._initialise()
            self.progress = Progress()
        self.progress = replace(
            self.progress,
            epoch=now.epoch,
            index=now.index,
            rate_scale=now.rate_scale / 2,
            roll_backs=now.roll_backs + 1,
            bad_in_a_row=0,
        )
        self._measured = (-1, {})
        self.on_event(
            Warned(
                "rolled_back",
                f"{BAD_IN_A_ROW} batches in a row were not finite: back to step {self.progress.step} at half the rate.",
                {"from_step": now.step, "step": self.progress.step, "rate_scale": self.progress.rate_scale},
            )
        )

    # --- telling, measuring, saving ---

    def _tell_step(self, batch: Any, losses: dict[str, float], norm: float, rate: float, seconds: float) -> None:
        self._times.append(time.monotonic())
        passed = self._times[-1] - self._times[0]
        per_second = (len(self._times) - 1) / max(passed, 1e-9)  # evaluation and checkpoints included
        step, total = self.progress.step, self.plan.training.steps
        self.on_event(
            StepDone(
                step=step,
                total=total,
                losses=losses,
                learning_rate=rate,
                grad_norm=norm,
                seconds=seconds,
                frames=frames_of(batch),
                steps_per_minute=60 * per_second,
                eta_seconds=(total - step) / per_second,
                memory_mib=devices.peak_memory_mib(self.plan.device),
            )
        )

    def _evaluate(self) -> dict[str, float]:
        """Held-out losses of this step, measured once."""
        step = self.progress.step
        if self._measured[0] == step:
            return self._measured[1]
        self.on_event(StageChanged("evaluate"))
        self._settle()
        sums: dict[str, float] = {}
        for number, clips in enumerate(self.feed.held_out()):
            if self.stop.requested:  # what can be measured later keeps nobody waiting
                return {}
            seed = seed_of(self.plan.training.seed, number)  # the same noise and segments each time
            batch = self.feed.collate(clips, seed)
            torch.manual_seed(seed)
            with devices.autocast(self.plan.device, self.plan.precision):
                measured = self.recipe.evaluate(self.model, batch, step=step)
            for name, value in measured.items():
                sums[name] = sums.get(name, 0.0) + value * len(clips)
        losses = {name: value / len(self.manifest.held_out) for name, value in sums.items()}
        figures = self.rehearsal.run(self.model)
        acoustic = self.plan.kind == "acoustic"
        told = losses if acoustic else losses | figures
        self.on_event(Evaluated(step=step, losses=told, alignment=figures if acoustic else {}))
        self._measured = (step, losses)
        self.on_event(StageChanged("train"))
        return losses

    def _settle(self) -> None:
        """Running means for use. They are no part of training, and what is set here follows from weights and data."""
        epoch = self.progress.epoch
        torch.manual_seed(seed_of(self.plan.training.seed, epoch))

        def forward(batch: Any) -> object:
            with devices.autocast(self.plan.device, self.plan.precision):
                return next(self.recipe.losses(self.model, batch, step=self.progress.step))

        numbers = range(min(running_means.BATCHES, len(self.feed)))
        batches = (self.feed.collate(self.feed.clips(epoch, number), number) for number in numbers)
        running_means.settle(self.model, forward, batches)

    def _checkpoint(self, *, measure: bool = True) -> None:
        losses = self._evaluate() if measure else {}
        self.on_event(StageChanged("checkpoint"))
        step = self.progress.step
        self._saved = checkpoint.save(
            self.folder,
            self.plan.header(step, losses),
            self.model.state_dict(),
            self.optimizers,
            asdict(self.progress),
            modules=self._modules(),
            keep=self.plan.training.keep_checkpoints,
        )
        picture, sample = self._show(step) if losses else ("", "")
        entry = self._saved
        self.on_event(
            CheckpointSaved(
                step=step,
                path=str(self.folder / entry.weights.name),
                sha256=entry.weights.sha256,
                size=entry.weights.size,
                best=entry.best,
                losses=losses,
                picture=picture,
                sample=sample,
                sample_text=self.rehearsal.text if sample else "",
                resume=str(self.folder / entry.resume.name),
                resume_sha256=entry.resume.sha256,
                resume_size=entry.resume.size,
            )
        )
        self.on_event(StageChanged("train"))

    def _show(self, step: int) -> tuple[str, str]:
        """Picture and sound of the sample; without them the checkpoint still stands."""
        picture, wave = self.folder / f"step-{step:08d}.png", self.folder / f"step-{step:08d}.wav"
        try:
            self.rehearsal.write(picture, wave)
        except (SpeechError, OSError) as error:
            self.on_event(Warned("no_sample", f"The sample of step {step} could not be made: {error}", {"step": step}))
            return "", ""
        return str(picture), str(wave)

    def _end(self, reason: str, status: int) -> int:
        if self.progress.step and (self._saved is None or self._saved.step != self.progress.step):
            self._checkpoint(measure=False)  # whoever asked to stop waits for this
        path = str(self.folder / self._saved.weights.name) if self._saved else ""
        self.on_event(TrainingEnded(step=self.progress.step, reason=reason, path=path))
        return status
