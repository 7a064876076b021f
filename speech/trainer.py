"""The loop, one for every model: step, evaluate, checkpoint, roll back, resume, stop.

Everything random in a step follows from the seed and the place in the data, so that a run that was stopped and
resumed ends, on a CPU, in the same bits as one that was not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from speech import checkpoint, devices, lifetime, models, run_folder, running_means
from speech.config import AudioConfig, TextConfig
from speech.dataset import Manifest
from speech.errors import BadCheckpoint, NonFinite, OutOfMemory, SpeechError
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
from speech.feed import Fed, Feed, frames_of, seed_of
from speech.header import Header
from speech.plan import Plan
from speech.rehearsal import AcousticRehearsal, Rehearsal, VocoderRehearsal
from speech.run_folder import Entry
from speech.step_rate import StepRate
from speech.update import Network, Told

EXIT_FINISHED = 0
BAD_IN_A_ROW = 3  # non-finite batches before the run rolls back
MOST_ROLL_BACKS = 5  # before a person has to look
_RATE_WINDOW = 200  # steps over which the rate is measured
_RAW = "raw"  # the weights themselves, in the resume file of a run whose checkpoints hold their moving average


@dataclass
class Progress:
    """Where the run is. All of it goes into a checkpoint."""

    step: int = 0
    epoch: int = 0
    index: int = 0  # batch within the epoch
    rate_scale: float = 1.0  # halved at each roll-back
    roll_backs: int = 0
    bad_in_a_row: int = 0
    batch_size: int = 0  # after it was halved; 0: as planned


class Trainer:
    """One run: a network, its optimisers and its place in the data."""

    def __init__(
        self, plan: Plan, manifest: Manifest, on_event: Callable[[Event], None], stop: lifetime.StopRequest
    ) -> None:
        self.plan, self.manifest, self.on_event, self.stop = plan, manifest, on_event, stop
        self.folder = plan.job.out_folder
        self.progress = Progress()
        self.rehearsal: Rehearsal = (
            AcousticRehearsal(plan, manifest) if plan.kind == "acoustic" else VocoderRehearsal(plan, manifest)
        )
        self.feed = Feed(plan, manifest, plan.training.batch_size)
        self._measured: tuple[int, dict[str, float]] = (-1, {})  # step and its held-out losses
        self._saved: Entry | None = None

    def train(self) -> int:
        """Returns the exit status."""
        try:
            return self._train()
        finally:
            self.feed.close()

    def _train(self) -> int:
        self._begin()
        self.on_event(StageChanged("train"))
        training = self.plan.training
        # At least as many steps as lie between two evaluations, or it would swing with each.
        self._rate = StepRate(max(_RATE_WINDOW, training.evaluate_every))
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
        if self._saved is not None and not self._saved.losses and not self.stop.requested:
            self._checkpoint()  # a stop came as it was to be measured; else it could never be the best
        if self._saved is not None and not self._saved.losses and self.stop.requested:
            return self._end("stopped", lifetime.EXIT_STOPPED)
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
                parameters=sum(one.numel() for one in self.network.model.parameters()),
                batch_size=min(self.feed.batch_size, len(self.manifest.train)),
                warm_start=warm,
            )
        )
        if entry is None:
            self._tell_misfits(warm)
            run_folder.tell(self.folder, 0)
        elif run_folder.untold(self.folder, entry):
            self._tell_saved(entry, *self._shown(entry.step))

    def _tell_misfits(self, warm: dict[str, Any]) -> None:
        """A base of other sizes helps only where it fits, and the rest begins with nothing."""
        counts = "num_batches_tracked"  # of batch norms: no weight, and files of an early torch have none
        if skipped := [one for one in warm.get("skipped", ()) if counts not in one]:
            self.on_event(
                Warned(
                    "base_partial",
                    f"The base has other sizes: {warm['loaded']} of its tensors are taken over, {len(skipped)} are "
                    f"not, as {skipped[0]}.",
                    {"loaded": warm["loaded"], "skipped": len(skipped), "names": skipped},
                )
            )

    def _initialise(self) -> dict[str, Any]:
        """A network of random weights, warm-started where there is a base."""
        torch.manual_seed(self.plan.training.seed)
        recipe = self.plan.recipe()
        model = models.build(self.plan.job.model, self.plan.config.to_json())
        header = self.plan.header(0, {})
        base = self.plan.base
        warm = checkpoint.warm_start(model, base, header.symbols) if base else {}
        model.to(self.plan.device).train()
        self.network = Network(self.plan, model, recipe)
        return warm

    def _restore(self, entry: Entry) -> dict[str, Any]:
        """Weights, optimisers and place as they were when `entry` was saved."""
        plan = self.plan
        saved = checkpoint.load(self.folder / entry.weights.name, expect_kind=plan.kind)
        if other := self._otherwise(saved.header):
            raise BadCheckpoint(
                f"{self.folder} holds {saved.header.describe()} with {other} than this run asks for. Choose another "
                "folder, or the same settings.",
                code="other_run",
                folder=str(self.folder),
            )
        self._initialise()
        network = self.network
        checkpoint.load_weights(network.model, saved)
        network.reset_average()
        progress = checkpoint.load_resume(
            self.folder / entry.resume.name,
            network.optimizers,
            {**network.modules(), _RAW: network.model},
            optional=(_RAW,),
        )
        self.progress = Progress(**progress)
        wanted = plan.training.batch_size
        self._resize(min(self.progress.batch_size or wanted, wanted))
        return {"base": saved.header.base} if saved.header.base else {}

    def _otherwise(self, header: Header) -> str:
        """What a checkpoint's run did otherwise than this one can: its figures would be none of this run's."""
        plan = self.plan
        if header.model != plan.job.model or type(plan.config).from_json(header.config) != plan.config:
            return "other sizes"
        if header.audio and AudioConfig.from_json(header.audio) != plan.audio:
            return "another mel"
        if header.text and TextConfig.from_json(header.text) != plan.text:
            return "other symbols"
        teachers = header.teacher, plan.header(0, {}).teacher  # by its hash, if it has one: its file may have moved
        return "another teacher" if len({tuple(one.split()[-1:]) for one in teachers}) > 1 else ""

    def _resize(self, batch_size: int) -> None:
        if batch_size != self.feed.batch_size:
            self.feed.close()
            self.feed = Feed(self.plan, self.manifest, batch_size)

    # --- one step ---

    def _step(self) -> bool:
        """One move of the weights. False when there was none: a loss was not finite, or the memory too small."""
        began, before = time.monotonic(), replace(self.progress)
        places = self._places()
        clips = [self.feed.clips(*place) for place in places]
        buffers = [buffer.clone() for buffer in self.network.buffers()]
        frames = 0

        def take(number: int) -> Fed:
            nonlocal frames
            fed = self.feed.take(*places[number], before.roll_backs)
            frames += frames_of(fed.tensors)
            return fed

        full = False
        try:
            told = self.network.move([len(some) for some in clips], take, before.step, before.rate_scale)
        except NonFinite as error:
            self._put_back(buffers)
            self._skip([clip.id for some in clips for clip in some], error)
            return False
        except (RuntimeError, MemoryError) as error:
            if not devices.out_of_memory(error):
                raise
            full = True  # the error holds on to the memory: it has to be gone before anything else
        if full:
            self._put_back(buffers)
            self.progress = before
            self._halve(max(len(some) for some in clips))
            return False
        self.progress.step += 1
        self.progress.bad_in_a_row = 0
        self._tell_step(told, frames, time.monotonic() - began)
        return True

    def _places(self) -> list[tuple[int, int]]:
        """Epoch and number of the batches of this step; the progress then stands behind them."""
        progress, training = self.progress, self.plan.training
        halved = min(training.batch_size, len(self.manifest.train)) if progress.batch_size else 0
        places, clips = list[tuple[int, int]](), 0
        while not places or clips < max(training.effective_batch, halved):
            places.append((progress.epoch, progress.index))
            clips += len(self.feed.clips(progress.epoch, progress.index))
            progress.epoch, progress.index = self.feed.following(progress.epoch, progress.index)
        return places

    def _put_back(self, buffers: list[torch.Tensor]) -> None:
        """Running means have already seen a batch that is not used."""
        with torch.no_grad():
            for buffer, before in zip(self.network.buffers(), buffers, strict=True):
                buffer.copy_(before)

    def _halve(self, clips: int) -> None:
        """Go on with half of a batch of `clips` clips at a time, and as many clips a step as before."""
        if clips < 2:
            raise OutOfMemory("The memory does not hold a single clip. Take a smaller size, or leave long clips out.")
        progress, batches = self.progress, len(self.feed)
        self.network.forget_gradients()
        self._resize(clips // 2)
        devices.release(self.plan.device)
        progress.batch_size = clips // 2
        progress.index = progress.index * len(self.feed) // batches
        self.on_event(
            Warned(
                "batch_halved",
                f"The memory does not hold {clips} clips at once: from step {progress.step} on, {clips // 2} at a "
                "time, and as many a step as before.",
                {"step": progress.step, "batch_size": clips // 2},
            )
        )

    def _skip(self, names: list[str], error: NonFinite) -> None:
        progress = self.progress
        progress.bad_in_a_row += 1
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
        self._resize(now.batch_size or self.plan.training.batch_size)
        self.progress = replace(
            self.progress,
            epoch=now.epoch,
            index=now.index,
            rate_scale=now.rate_scale / 2,
            roll_backs=now.roll_backs + 1,
            bad_in_a_row=0,
            batch_size=now.batch_size,
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

    def _tell_step(self, told: Told, frames: int, seconds: float) -> None:
        self._rate.step()
        per_second = self._rate.per_second  # evaluation and checkpoints included
        step, total = self.progress.step, self.plan.training.steps
        self.on_event(
            StepDone(
                step=step,
                total=total,
                losses=told.losses,
                learning_rate=told.rate,
                grad_norm=told.norm,
                seconds=seconds,
                frames=frames,
                steps_per_minute=60 * per_second,
                eta_seconds=(total - step) / per_second,
                memory_mib=devices.peak_memory_mib(self.plan.device),
                settled=self._rate.settled,
            )
        )

    def _evaluate(self) -> dict[str, float]:
        """Held-out losses of this step, measured once, with the weights that are the voice."""
        step = self.progress.step
        if self._measured[0] == step:
            return self._measured[1]
        self.on_event(StageChanged("evaluate"))
        average, model = self.network.average, self.network.model
        with average.used_by(model) if average else contextlib.nullcontext():
            self._settle()
            losses = self._held_out()
            if losses is None:
                return {}
            figures = self.rehearsal.run(model)
        acoustic = self.plan.kind == "acoustic"
        if acoustic:
            losses[run_folder.DISTORTION] = figures.pop("held_out_mcd")
        told = losses if acoustic else losses | figures
        self.on_event(Evaluated(step=step, losses=told, alignment=figures if acoustic else {}))
        self._measured = (step, losses)
        self.on_event(StageChanged("train"))
        return losses

    def _held_out(self) -> dict[str, float] | None:
        """Means over the held-out clips; None when a stop was asked for: what can wait keeps nobody waiting."""
        sums: dict[str, float] = {}
        for number, clips in enumerate(self.feed.held_out()):
            if self.stop.requested:
                return None
            seed = seed_of(self.plan.training.seed, number)  # the same noise and segments each time
            batch = self.feed.collate(clips, seed)
            torch.manual_seed(seed)
            with devices.autocast(self.plan.device, self.plan.precision):
                measured = self.network.recipe.evaluate(self.network.model, batch, step=self.progress.step)
            for name, value in measured.items():
                sums[name] = sums.get(name, 0.0) + value * len(clips)
        return {name: value / len(self.manifest.held_out) for name, value in sums.items()}

    def _settle(self) -> None:
        """Running means for use. They are no part of training, and what is set here follows from weights and data."""
        epoch, network = self.progress.epoch, self.network
        torch.manual_seed(seed_of(self.plan.training.seed, epoch))

        def forward(batch: Any) -> object:
            with devices.autocast(self.plan.device, self.plan.precision):
                return next(network.recipe.losses(network.model, batch, step=self.progress.step))

        numbers = range(min(running_means.BATCHES, len(self.feed)))
        batches = (self.feed.collate(self.feed.clips(epoch, number), number) for number in numbers)
        running_means.settle(network.model, forward, batches)

    def _checkpoint(self, *, measure: bool = True) -> None:
        losses = self._evaluate() if measure else {}
        self.on_event(StageChanged("checkpoint"))
        step, network = self.progress.step, self.network
        state, average = network.model.state_dict(), network.average
        self._saved = checkpoint.save(
            self.folder,
            self.plan.header(step, losses, self.manifest.pace),
            average.over(state) if average else state,
            network.optimizers,
            asdict(self.progress),
            modules=network.modules() | ({_RAW: network.model} if average else {}),
            keep=self.plan.training.keep_checkpoints,
            turn=network.turn(),
        )
        self._tell_saved(self._saved, *(self._show(step) if losses else ("", "")))
        self.on_event(StageChanged("train"))

    def _tell_saved(self, entry: Entry, picture: str, sample: str) -> None:
        self.on_event(
            CheckpointSaved(
                step=entry.step,
                path=str(self.folder / entry.weights.name),
                sha256=entry.weights.sha256,
                size=entry.weights.size,
                best=entry.best,
                losses=entry.losses,
                picture=picture,
                sample=sample,
                sample_text=self.rehearsal.text if sample else "",
                resume=str(self.folder / entry.resume.name),
                resume_sha256=entry.resume.sha256,
                resume_size=entry.resume.size,
            )
        )
        run_folder.tell(self.folder, entry.step)

    def _show(self, step: int) -> tuple[str, str]:
        """Picture and sound of the sample; without them the checkpoint still stands."""
        picture, wave = self._sample_files(step)
        try:
            self.rehearsal.write(picture, wave)
        except (SpeechError, OSError) as error:
            self.on_event(Warned("no_sample", f"The sample of step {step} could not be made: {error}", {"step": step}))
            return "", ""
        return str(picture), str(wave)

    def _shown(self, step: int) -> tuple[str, str]:
        """Picture and sound that an earlier process made of a checkpoint, if it came to that."""
        files = self._sample_files(step)
        return (str(files[0]), str(files[1])) if all(file.exists() for file in files) else ("", "")

    def _sample_files(self, step: int) -> tuple[Path, Path]:
        return self.folder / f"step-{step:08d}.png", self.folder / f"step-{step:08d}.wav"

    def _end(self, reason: str, status: int) -> int:
        if self.progress.step and (self._saved is None or self._saved.step != self.progress.step):
            self._checkpoint(measure=False)  # whoever asked to stop waits for this
        path = str(self.folder / self._saved.weights.name) if self._saved else ""
        self.on_event(TrainingEnded(step=self.progress.step, reason=reason, path=path))
        return status
