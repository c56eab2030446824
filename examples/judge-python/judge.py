#!/usr/bin/env python3
"""A judge of one's own: wants a source for whatever an answer claims.

usage: judge.py [ADDRESS]        (default 127.0.0.1:7700)

Needs `pip install grpcio grpcio-tools`. The messages are made from Terrace's own .proto files when it starts. Point
`judge.external` of terrace.yaml at it:

    judge:
      external:
      - name: sources
        url: http://127.0.0.1:7700
        timeout: 500ms
"""
import os
import re
import sys
import tempfile
from concurrent import futures

import grpc
from grpc_tools import protoc

PROTOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto")
SOURCE = re.compile(r"https?://\S+|\[\d+\]")


def generated():
    """Makes the messages and the service in a folder of their own, and gives both modules."""
    folder = tempfile.mkdtemp()
    names = ["terrace/common/v1/chat.proto", "terrace/judge/v1/judge.proto"]
    if protoc.main(["protoc", f"-I{PROTOS}", f"--python_out={folder}", f"--grpc_python_out={folder}", *names]):
        sys.exit("the .proto files could not be compiled")
    sys.path.insert(0, folder)
    from terrace.judge.v1 import judge_pb2, judge_pb2_grpc
    return judge_pb2, judge_pb2_grpc


judge_pb2, judge_pb2_grpc = generated()


class Sources(judge_pb2_grpc.JudgeServiceServicer):
    """Scores an answer by whether it names a source. Findings never quote the answer."""

    def Judge(self, request, context):
        text = "".join(part.text for part in request.output.parts)
        score, words = (1.0, "names a source") if SOURCE.search(text) else (0.2, "names no source")
        finding = judge_pb2.CheckFinding(check="source", score=score, weight=1, finding=words)
        verdict = judge_pb2.Verdict(score=score, passed=score >= request.threshold, threshold=request.threshold,
                                    checks=[finding])
        return judge_pb2.JudgeResponse(verdict=verdict)


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7700"
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    judge_pb2_grpc.add_JudgeServiceServicer_to_server(Sources(), server)
    port = server.add_insecure_port(address)
    server.start()
    print(f"judging on {address.rsplit(':', 1)[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
