"""`emotiond …`: the command line of the device."""

import argparse
import logging
import os
import queue
import resource
import signal
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import msgspec

from edge import __version__
from edge.arguments import (
    WATCH_OPTIONS,
    add_models_options,
    add_predict_options,
    add_serve_options,
    add_watch_options,
)
from edge.config import Config
from edge.configfile import load_config
from edge.errors import ConfigError, EmotiondError
from edge.heaps import share_heaps
from edge.logs import FORMATS, printable, set_level, start_log

MESSAGES = ("state", "event", "modality", "info", "models", "health", "error")
"""Names of the messages with a schema, as in `edge.publish.messages`, which is slow to import."""
QUIET = "-8"
"""FFmpeg's; it writes a line for each damaged frame of a stream, and the status has the cause."""

Command = Callable[[argparse.Namespace], int]


def _run(arguments: argparse.Namespace) -> int:
    received: queue.SimpleQueue[int] = queue.SimpleQueue()
    # By default it would end the process, and the imports take half a second.
    signal.signal(signal.SIGHUP, lambda number, _: received.put(number))
    # No picture, sound or text may reach a disk: not in a core dump either.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _config(arguments)  # report a faulty configuration before importing anything heavy
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", QUIET)
    share_heaps()  # before a library starts a thread
    from edge.service.lifecycle import Lifecycle

    # The log has its own file descriptor, because stderr is silenced for some libraries.
    log_stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", errors="backslashreplace")
    start_log(log_stream, arguments.log)
    Lifecycle(lambda: _config(arguments), received=received).run()
    return 0


def _check_config(arguments: argparse.Namespace) -> int:
    from edge.commands.check_config import check_files

    for warning in check_files(load_config(arguments.file)):
        print(f"warning: {printable(warning)}", file=sys.stderr)
    print(printable(f"{arguments.file}: valid"))
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    from edge.commands.predict import Predictor, print_results

    image, audio, texts = arguments.image, arguments.audio, arguments.text
    if not (arguments.paths or texts or arguments.text_file or image or audio):
        raise EmotiondError("nothing to predict: give a file or folder, --text or --text-file")
    if (image or audio) and (
        arguments.paths or arguments.text_file or arguments.cropped or len(texts) > 1
    ):
        raise EmotiondError(
            "--image and --audio are fused with at most one --text; run other files apart"
        )
    with Predictor(_config(arguments), arguments.cropped) as predictor:
        if image or audio:
            results = predictor.fused(image, audio, texts[0] if texts else None)
        else:
            results = chain(
                predictor.paths(arguments.paths),
                predictor.texts((f"text {i}", text) for i, text in enumerate(texts, 1)),
                chain.from_iterable(map(predictor.text_file, arguments.text_file)),
            )
        return 0 if print_results(results, arguments.json) else 1


def _schema(arguments: argparse.Namespace) -> int:
    from edge.publish.messages import SCHEMAS, json_schema

    one = arguments.topic
    schema = json_schema(one) if one else {name: json_schema(name) for name in SCHEMAS}
    print(msgspec.json.format(msgspec.json.encode(schema), indent=2).decode())
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    from edge.commands.bench import bench

    report = bench(_config(arguments), arguments.repeat)
    print(msgspec.json.encode(report).decode() if arguments.json else report.render())
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from edge.commands.doctor.doctor import diagnose
    from edge.commands.doctor.report import render

    report = diagnose(arguments.config, arguments.only)
    print(msgspec.json.encode(report).decode() if arguments.json else render(report))
    return report.exit_code


def _watch(arguments: argparse.Namespace) -> int:
    from edge.commands.watch import Watcher, settings

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = {key: getattr(arguments, key) for key in WATCH_OPTIONS}
    watcher = Watcher(settings(_config(arguments).mqtt, options), arguments.all)
    try:
        for line in watcher.lines():
            print(line, flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        watcher.close()
    return 0


def _models(arguments: argparse.Namespace) -> int:
    from edge.commands.models import ModelsCommand

    models = ModelsCommand(_config(arguments), arguments.state_folder, print)
    actions: dict[str, Callable[[], None]] = {
        "list": models.list,
        "install": lambda: models.install(arguments.source, arguments.allow_older),
        "verify": lambda: models.verify(arguments.source),
        "rollback": models.roll_back,
    }
    actions[arguments.action]()
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    if arguments.web:
        from edge.commands.demo.web import show_web

        show_web(arguments.port)
        return 0
    from edge.commands.demo.show import show

    show()
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    config = _config(arguments)  # report a faulty configuration before importing anything heavy
    try:
        from edge.web.start import start
    except ImportError as error:
        raise EmotiondError(f"{error.name} is missing; install `emotiond[web]`") from error

    start_log(sys.stderr, "auto")
    set_level("warning")
    start(config, arguments)
    return 0


def _config(arguments: argparse.Namespace) -> Config:
    return load_config(arguments.config) if arguments.config else Config()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotiond",
        description="Reads the emotion of people in front of a device and publishes it over MQTT.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, function: Command, text: str) -> argparse.ArgumentParser:
        description = f"{text[0].upper()}{text[1:]}."
        command = commands.add_parser(name, help=text, description=description)
        command.set_defaults(function=function)
        return command

    run = add("run", _run, "run the daemon until SIGTERM or Ctrl-C")
    run.add_argument(
        "--log",
        choices=FORMATS,
        default="auto",
        help="form of the log: lines, with priorities for systemd's journal, or JSON",
    )
    check = add(
        "check-config",
        _check_config,
        "list every error in a configuration file, and in the files that it names",
    )
    check.add_argument("file", type=Path, metavar="FILE", help="YAML configuration")
    predict = add(
        "predict", _predict, "classify pictures, sounds, videos, folders of them, or texts"
    )
    add_predict_options(predict)
    schema = add("schema", _schema, "print the JSON Schemas of the messages")
    schema.add_argument("topic", nargs="?", choices=MESSAGES, help="one message (default: all)")
    bench = add("bench", _bench, "measure speed and memory on this machine")
    bench.add_argument(
        "--repeat", type=int, default=200, help="runs of each stage (default: %(default)s)"
    )
    bench.add_argument("--json", action="store_true", help="print a report to send in, as JSON")
    doctor = add(
        "doctor",
        _doctor,
        "test camera, microphone, models, broker and system, and suggest remedies",
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="run only these checks, or groups of them such as `broker`",
    )
    watch = add("watch", _watch, "show the messages of a device until Ctrl-C")
    add_watch_options(watch)
    models = add("models", _models, "install, verify or roll back signed models")
    add_models_options(models)
    demo = add("demo", _demo, "play the sample clips through the daemon")
    demo.add_argument("--web", action="store_true", help="show them on the page, until Ctrl-C")
    demo.add_argument("--port", type=int, default=8000, help="of the page (default: %(default)s)")
    serve = add(
        "serve", _serve, "serve a page and a REST API, on this machine unless told otherwise"
    )
    add_serve_options(serve)
    for command in (run, predict, bench, doctor, watch, models, serve):
        command.add_argument("--config", type=Path, metavar="FILE", help="YAML configuration")
    return parser


def main() -> int:
    """Entry point of `emotiond`; returns the exit code (78 for a faulty configuration)."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.function(arguments))
    except ConfigError as error:
        for line in str(error).splitlines():
            print(printable(line), file=sys.stderr)
        return os.EX_CONFIG
    except EmotiondError as error:
        print(f"emotiond: {printable(str(error))}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    raise SystemExit(main())
