"""The command line: python -m speech read | prepare | finetune | speak | evaluate | inspect | base."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from speech.errors import BadConfig, SpeechError

if TYPE_CHECKING:
    from speech.reporter import Reporter

EXIT_MISTAKE = 2  # what was asked for cannot be done; one line on stderr says why


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        if arguments[:1] == ["read"]:  # it has options of its own, and needs no torch
            from speech.text import cli

            return int(cli.main(arguments[1:]) or 0)
        options = _parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except SpeechError as error:
        print(error.message.replace("\n", " "), file=sys.stderr)
        return EXIT_MISTAKE
    except OSError as error:
        print(f"{error.filename or 'A file'}: {error.strerror or error}", file=sys.stderr)
        return EXIT_MISTAKE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m speech", description="The voice, without the web.")
    commands = parser.add_subparsers(required=True, metavar="command")
    commands.add_parser("read", help="text to reading, pronunciation and symbols", add_help=False)

    prepare = commands.add_parser("prepare", help="clips and texts to mels and symbols")
    prepare.add_argument("source", type=Path, help="folder of a corpus (clips.jsonl, metadata.csv …) or one list")
    prepare.add_argument("out", type=Path, help="folder for what is prepared")
    prepare.add_argument("--held-out", type=_share, default=0.05, help="share kept from training (default 0.05)")
    prepare.add_argument("--seed", type=int, default=1234)
    prepare.set_defaults(command=_prepare)

    finetune = commands.add_parser("finetune", help="train as run.json says, or go on where that run stopped")
    finetune.add_argument("job", type=Path, help="run.json: model, clips, out and what differs from the defaults")
    finetune.add_argument("--detached", action="store_true", help="outlive the process that starts it (nohup)")
    finetune.set_defaults(command=_finetune)

    speak = commands.add_parser("speak", help="text to a WAV file")
    speak.add_argument("text")
    speak.add_argument("--acoustic", type=Path, required=True, help="checkpoint")
    speak.add_argument("--vocoder", type=Path, help="checkpoint; without it Griffin-Lim speaks")
    speak.add_argument("-o", "--out", type=Path, required=True, help="WAV file")
    speak.add_argument("--seed", type=_seed, default=0)
    speak.add_argument("--device", default="auto")
    speak.add_argument("--precision", default="float32", help="float32, bf16 or int8 (the fewer bits, the faster)")
    speak.add_argument(
        "--denoise", type=float, default=0.0, metavar="STRENGTH",
        help="take off the vocoder's own hum: 0 (default) to 1, WaveGlow wants 0.01 to 0.1",
    )  # fmt: skip
    speak.set_defaults(command=_speak)

    evaluate = commands.add_parser("evaluate", help="a voice against the held-out takes of its speaker")
    evaluate.add_argument("clips", type=Path, help="folder that prepare made, or that of a run")
    evaluate.add_argument("--acoustic", type=Path, required=True, help="checkpoint")
    evaluate.add_argument("--vocoder", type=Path, help="checkpoint; without it Griffin-Lim speaks")
    evaluate.add_argument("--limit", type=_count, default=0, metavar="N", help="only the first N held-out clips")
    evaluate.add_argument("--seed", type=_seed, default=0)
    evaluate.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep what it said, and pictures of it under the takes"
    )
    evaluate.add_argument("--device", default="auto")
    evaluate.add_argument("--json", action="store_true", help="all figures as JSON")
    evaluate.set_defaults(command=_evaluate)

    inspect = commands.add_parser("inspect", help="what a checkpoint is")
    inspect.add_argument("checkpoint", type=Path)
    inspect.add_argument("--json", action="store_true", help="the whole header")
    inspect.set_defaults(command=_inspect)

    base = commands.add_parser("base", help="make the base voice, or go on where that was stopped")
    base.add_argument("out", type=Path, help="folder of the corpus, both trainings and what is packed")
    base.add_argument(
        "--part", choices=("corpus", "acoustic", "vocoder", "taught", "pack"), help="only this one (default: all)"
    )
    base.add_argument("--clips", type=int, help="sentences that espeak-ng speaks (default 4000)")
    base.add_argument("--steps", type=int, help="step at which a training ends (default 20000, 9000, 2000)")
    base.add_argument("--size", default="compact", help="preset of both networks (default compact)")
    base.add_argument("--start", type=Path, metavar="FOLDER", help="a packed base to go on from, as voices/base")
    base.add_argument("--precision", default="auto", help="of the trainings: auto (default), float32 or bf16")
    base.add_argument("--threads", type=int, default=1)
    base.add_argument("--prompts", type=Path, nargs="+", default=[], help="tab-separated files of sentences")
    base.set_defaults(command=_base)
    return parser


def _count(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{number} is below 0")
    return number


def _seed(text: str) -> int:
    if not -(2**63) <= (number := int(text)) < 2**63:
        raise argparse.ArgumentTypeError(f"{number} does not lie from -2^63 to 2^63 - 1")
    return number


def _share(text: str) -> float:
    if not 0.0 <= (share := float(text)) <= 0.9:
        raise argparse.ArgumentTypeError(f"{share} does not lie from 0 to 0.9")
    return share


def _prepare(options: argparse.Namespace) -> int:
    from speech.config import AudioConfig, TextConfig
    from speech.dataset import prepare

    prepare(
        options.source,
        options.out,
        audio=AudioConfig(),
        text=TextConfig(),
        held_out=options.held_out,
        seed=options.seed,
        on_event=_reporter(None),
    )
    return 0


def _finetune(options: argparse.Namespace) -> int:
    from speech import lifetime, priority
    from speech.job import Job

    stop = lifetime.StopRequest()
    stop.listen()
    if not options.detached:
        lifetime.die_with_parent()
    job = Job.load(options.job)
    report = _reporter(job.out_folder / "events.jsonl")

    from speech import devices, finetune  # torch takes seconds to import; by now a stop would be heard

    if devices.on_processors(job.device):
        priority.stand_back()
    try:
        return finetune.run(job, report, stop)
    except BrokenPipeError:
        print("Whoever read the events is gone; stopped.", file=sys.stderr)
        return 1


def _base(options: argparse.Namespace) -> int:
    from speech import lifetime
    from speech.events import StageChanged
    from speech.reporter import Reporter

    stop = lifetime.StopRequest()
    stop.listen()
    streams = _streams()

    from speech.base import build

    def spoken(done: int, total: int) -> None:
        report(StageChanged("corpus", done, total))

    for part in (options.part,) if options.part else build.PARTS:
        report = Reporter(options.out / part / "events.jsonl" if part in build.STEPS else None, *streams)
        if part == "corpus":
            build.corpus(
                options.out, clips=options.clips or build.CLIPS, prompts=options.prompts, on_progress=spoken,
                going_on=options.start is not None,
            )  # fmt: skip
        elif part == "pack":
            report(StageChanged("pack"))
            build.pack(options.out, options.out / "packed", start=options.start)
        else:
            status = build.train(
                part, options.out, on_event=report, stop=stop, steps=options.steps or build.STEPS[part],
                threads=options.threads, size=options.size, start=options.start, precision=options.precision,
            )  # fmt: skip
            if status:
                return status
    return 0


def _reporter(log: Path | None) -> Reporter:
    from speech.reporter import Reporter

    return Reporter(log, *_streams())


def _streams() -> tuple[TextIO | None, TextIO | None]:
    """Where events and where the bar go. Call it once.

    Bar and sentences for a person at a terminal; for a program, events on what was standard output. Whatever else
    prints then goes to standard error, so that no stray line comes between the events.
    """
    if sys.stdout.isatty():
        return None, sys.stderr
    lines: TextIO = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return lines, sys.stderr if sys.stderr.isatty() else None


def _speak(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from speech import audio, devices, heap
    from speech.synthesizer import Synthesizer, join

    if not options.out.absolute().parent.is_dir():
        raise BadConfig(f"There is no folder {options.out.absolute().parent}; make it first.", code="no_folder")
    devices.flush_denormals()
    heap.keep_freed_memory()
    voice = Synthesizer.load(
        options.acoustic, options.vocoder, device=options.device, precision=options.precision, denoise=options.denoise
    )
    for warning in voice.warnings:
        print(warning.message, file=sys.stderr)
    spoken = []
    total = len(voice.plan(options.text))
    for sentence in tqdm(voice.stream(options.text, seed=options.seed), total=total, disable=None, unit="sentence"):
        spoken.append(sentence)
        if sentence.reached_limit:
            print(f"The decoder did not stop by itself in: {sentence.text}", file=sys.stderr)
    audio.write(options.out, join(spoken), voice.audio.sample_rate)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from speech.evaluate import evaluate, held_out
    from speech.synthesizer import Synthesizer

    manifest = held_out(options.clips)
    voice = Synthesizer.load(options.acoustic, options.vocoder, device=options.device)
    for warning in voice.warnings:
        print(warning.message, file=sys.stderr)
    total = min(options.limit or len(manifest.held_out), len(manifest.held_out))
    with tqdm(total=total, disable=None, unit="clip") as bar:

        def advance(done: int, total: int) -> None:
            bar.update()

        report = evaluate(
            voice, manifest, clips=options.limit, seed=options.seed, keep=options.keep, on_progress=advance
        )
    print(json.dumps(report.to_json(), ensure_ascii=False, indent=1) if options.json else report.table())
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from speech.checkpoint import open_any

    header = open_any(options.checkpoint).header
    if options.json:
        print(json.dumps(header.to_json(), ensure_ascii=False, indent=1))
        return 0
    losses = ", ".join(f"{name} {value:.4f}" for name, value in header.losses.items())
    lines = {
        "what": header.describe(),
        "size": header.size,
        "symbols": len(header.symbols) or "",
        "front end": " ".join(str(value) for value in header.front_end.values() if value),
        "audio": f"{header.audio['sample_rate']} Hz, {header.audio['n_mels']} mel bands" if header.audio else "",
        "pace": f"{header.pace:.2f} syllables a second" if header.pace else "",
        "held out": losses,
        "base": header.base,
        "teacher": header.teacher,
        "SHA-256 of the tensors": header.tensors_sha256,
    }
    for name, value in lines.items():
        if value:
            print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
