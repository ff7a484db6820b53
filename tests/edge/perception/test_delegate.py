"""Delegates, as libraries that are compiled here."""

import logging
import subprocess
from pathlib import Path

import pytest

from edge.config import Delegate, Models, Speech
from edge.configfile import parse_config
from edge.errors import ConfigError, ModelError
from edge.perception.loader import ModelLoader
from edge.perception.selftest import sample_runner

STUB = r"""
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* TfLiteDelegate of tensorflow/lite/core/c/common.h */
typedef struct Delegate {
  void *data;
  int (*prepare)(void *, struct Delegate *);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *builder;
} Delegate;

static int take_nothing(void *context, Delegate *self) { return 0; }
static int fail(void *context, Delegate *self) { return 1; }
static Delegate made;

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                        void (*report)(const char *)) {
  made.prepare = take_nothing;
  made.flags = 1; /* tensors may have any size */
  for (size_t i = 0; i < count; i++) {
    if (!strcmp(keys[i], "mark")) fclose(fopen(values[i], "w"));
    if (strcmp(keys[i], "do")) continue;
    if (!strcmp(values[i], "refuse")) {
      report("no such device: usb:7\n");
      return NULL;
    }
    if (!strcmp(values[i], "crash")) raise(SIGSEGV);
    if (!strcmp(values[i], "fail")) made.prepare = fail;
  }
  return &made;
}

void tflite_plugin_destroy_delegate(Delegate *self) {}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("delegate")
    (folder / "stub.c").write_text(STUB)
    made = folder / "libstub.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(made), str(folder / "stub.c")], check=True)
    return str(made)


def _speech(delegate: Delegate) -> ModelLoader:
    return ModelLoader(Models(speech=Speech(), delegate=delegate))


def test_a_delegate_runs_the_models_with_its_options(library: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    delegate = Delegate(path=library, options={"mark": str(mark), "level": 3}, required=True)
    pack = _speech(delegate).load("speech.json", "speech")
    assert mark.exists()  # by the trial
    assert pack.delegate == delegate
    mark.unlink()
    sample = pack.manifest.checks[0]
    assert sample.deviation(sample_runner(pack)(sample)) <= sample.tolerance
    assert mark.exists()


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("refuse", "no such device: usb:7"),
        ("crash", "ends the process (SIGSEGV)"),
        ("fail", "refuses this model"),
    ],
)
def test_a_refusal_is_told_and_the_processor_takes_over_or_the_model_is_given_up(
    library: str, caplog: pytest.LogCaptureFixture, action: str, reason: str
) -> None:
    delegate = Delegate(path=library, options={"do": action})
    with caplog.at_level(logging.WARNING):
        pack = _speech(delegate).load("speech.json", "speech")
    assert reason in caplog.text
    assert "the model runs on the processor, with XNNPACK" in caplog.text
    sample = pack.manifest.checks[0]
    assert sample.deviation(sample_runner(pack)(sample)) <= sample.tolerance
    required = Delegate(path=library, options={"do": action}, required=True)
    with pytest.raises(ModelError, match=r"set models\.delegate\.required to false") as caught:
        _speech(required).load("speech.json", "speech")
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", ["libno-such-delegate.so.1", "/etc/hostname", "libc.so.6"])
def test_what_is_no_delegate_is_told_by_its_name(name: str) -> None:
    loader = _speech(Delegate(path=name, required=True))
    with pytest.raises(ModelError, match=f"the delegate {name} cannot be used"):
        loader.load("speech.json", "speech")


def test_the_processor_is_the_default_and_options_alone_are_a_mistake() -> None:
    assert ModelLoader(Models()).load("speech.json", "speech").delegate is None
    with pytest.raises(ConfigError, match="path is missing, but other keys of delegate are set"):
        parse_config("models: {delegate: {options: {device: usb}}}", "f")
