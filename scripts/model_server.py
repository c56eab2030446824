"""Runs llama.cpp's own HTTP server, which the package xllamacpp carries, until it is asked to end.

Started by model-server.sh with the Python that has the package. Nothing of the API is made here:
the server is llama.cpp's, inside this process.
"""

import argparse
import signal
import sys
import threading

import xllamacpp


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="GGUF file")
    parser.add_argument("--alias", required=True, help="name the model is served under")
    parser.add_argument("--port", type=int, required=True, help="port of 127.0.0.1")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--slots", type=int, default=2, help="requests answered at the same time")
    parser.add_argument("--context", type=int, default=4096, help="tokens a request may use")
    return parser.parse_args()


def settings(args: argparse.Namespace) -> "xllamacpp.CommonParams":
    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {args.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.n_parallel = args.slots
    params.n_ctx = args.context * args.slots
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    params.n_gpu_layers = 0
    params.use_jinja = True
    # What the model's makers recommend; the fixed seed makes a demo say the same thing twice.
    # A request may bring its own values.
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9
    params.sampling.seed = 1
    params.endpoint_metrics = True
    params.ui = False
    params.offline = True
    return params


def main() -> int:
    args = parse()
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    server = xllamacpp.Server(settings(args))
    print(f"listening on {server.listening_address}", flush=True)
    while not end.wait(3600):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
