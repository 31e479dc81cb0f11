"""A real llama.cpp server around the model of model.py: `python serve.py FILE PORT KEY [SLOTS]`, until a signal."""

import signal
import sys
import threading

import xllamacpp


def main(file: str, port: int, key: str, slots: int = 2) -> None:
    settings = xllamacpp.CommonParams()
    settings.model.path = file
    settings.model_alias = {"one-word"}
    settings.hostnames = ["127.0.0.1"]
    settings.port = port
    settings.api_keys = [key]
    settings.n_ctx = 4096 * slots
    settings.n_parallel = slots
    settings.endpoint_metrics = True
    settings.n_gpu_layers = 0
    settings.cpuparams.n_threads = 1
    settings.cpuparams_batch.n_threads = 1
    settings.n_threads_http = 8
    settings.use_jinja = True
    settings.sampling.temp = 0.0
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = xllamacpp.Server(settings)
    print("listening", server.listening_address, flush=True)
    ended.wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))
