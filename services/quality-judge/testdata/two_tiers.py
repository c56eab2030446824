#!/usr/bin/env python3
"""Two hundred prompts over two tiers: what the low one saves, and how much of the quality is kept.

usage: two_tiers.py TERRACE SCRIPTED_PROVIDER MODEL_SERVER_URL MODEL [--threshold SCORE] [--work FOLDER]

TERRACE and SCRIPTED_PROVIDER are the programs (`cargo build -p terrace-cli -p terrace-testkit`), the model server is what
`scripts/model-server.sh start` prints, and TERRACE__LEDGER__DATABASE_URL names an empty database. The low tier is that real
model, for nothing. The high one is a stand-in that has a right answer to every question, at the price of an API: no model
is that good, so what is lost here is the most that can be lost. Labels come from `truth.py`, which runs and parses answers.
"""
import argparse
import json
import os
import random
import socket
import subprocess
import sys
from collections import defaultdict

import truth
import written
from prompts import everything, question

PRICE = dict(input=3, output=15)  # USD per million tokens
NAMES = ["Ada", "Bo", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hal", "Iris", "Jon"]
CITIES = ["Bonn", "Kyoto", "Lagos", "Turin", "Porto"]


def more():
    """Sixty further questions, always the same."""
    draw = random.Random(7)
    for number in range(14, 39):
        a, b, sign = draw.randint(2, 60), draw.randint(2, 30), draw.choice("+-*")
        result = {"+": a + b, "-": a - b, "*": a * b}[sign]
        yield question("arithmetic", number, f"What is {a} {sign} {b}? Reply with the number only.", dict(number=result), 16)
    for number in range(16, 36):
        name, have, more_of, days = draw.choice(NAMES), draw.randint(5, 40), draw.randint(2, 9), draw.randint(3, 8)
        prompt = f"{name} has {have} coins and gets {more_of} more every day for {days} days. How many coins is that in the end?"
        yield question("problem", number, prompt, dict(number=have + more_of * days), 72)
    for number in range(8, 23):
        name, age, city = draw.choice(NAMES), draw.randint(18, 80), draw.choice(CITIES)
        prompt = (f"Write a JSON object with the keys name, age and city for this person: {name} is {age} years old "
                  f"and lives in {city}. Reply with JSON only.")
        yield question("json", number, prompt, dict(json=dict(name=name, age=age, city=city)), 64, format=dict(json=True))


def script(questions):
    """What the stand-in follows: the right answer to each question, longest prompts first, so that none is taken for another."""
    rules = [dict(contains=[one["prompt"]], replies=[dict(text=written.right(one, int(one["id"].rsplit("-", 1)[1])))])
             for one in sorted(questions, key=lambda one: -len(one["prompt"]))]
    for one in questions:
        if "says" in one["truth"]:
            rule = next(rule for rule in rules if rule["contains"] == [one["prompt"]])
            rule["replies"] = [dict(text=f"It is {one['truth']['says'][0]}.")]
    return dict(models=["high"], rules=rules, fallback=dict(text="There is no answer to that."), label=None)


def config(args, high, ports):
    return f"""
tiers:
  local_fast: {{models: [{{name: {args.model}, backend: low}}]}}
  api_fallback: {{models: [{{name: high, backend: high, price: {{input: {PRICE['input']}, output: {PRICE['output']}}}}}]}}
backends:
  low: {{kind: openai, url: "{args.url}/v1", profile: llama_cpp, max_concurrency: 2, queue: {{max_wait: 10m}}, first_token_timeout: 5m, total_timeout: 10m}}
  high: {{kind: openai, url: "{high}/v1", paid: true, scripted: true}}
cost_control: {{daily_budget: 100}}
routing: {{quality_threshold: {args.threshold}, default_deadline: 10m, max_deadline: 10m}}
services: {{orchestrator: {{listen: "127.0.0.1:{ports}"}}}}
edge: {{enabled: false}}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def form(one):
    told = one.get("format", {})
    return "json" if "json" in told else "choice=" + ",".join(told["choice"]) if "choice" in told else ""


def send(args, server, questions, *flags):
    """The response to each question, by its id. One batch for each form, because a form is a flag."""
    by_form, responses = defaultdict(list), {}
    for one in questions:
        by_form[form(one)].append(one)
    for wanted, group in by_form.items():
        path = os.path.join(args.work, "batch.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for one in group:
                line = dict(prompt=one["prompt"], max_output_tokens=one["max_tokens"], temperature=0.0)
                if "code_language" in one:
                    line["language"] = one["code_language"]
                file.write(json.dumps(line) + "\n")
        command = [args.terrace, "--server", server, "route", "--batch", path, "--timeout", "10m", "--json", *flags]
        command += ["--format", wanted] if wanted else []
        done = subprocess.run(command, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            result = json.loads(line)
            if "response" in result:
                responses[group[result["line"] - 1]["id"]] = result["response"]
        if len(responses) == 0:
            sys.exit(done.stderr)
    return responses


def told(name, questions, responses):
    """A line of the table."""
    good = cost = high = 0
    for one in questions:
        response = responses.get(one["id"])
        if response is None:
            continue
        text = response.get("output") or ""
        good += truth.label(one, text, "stop")["good"]
        cost += response["cost_nano_usd"]
        high += any(attempt["tier"] == "api_fallback" for attempt in response["attempts"])
    return dict(way=name, answered=len(responses), good=good, high=high, cost=cost / 1e9)


def main():
    parser = argparse.ArgumentParser()
    for name in ("terrace", "provider", "url", "model"):
        parser.add_argument(name)
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--kinds", help="only questions of these kinds, comma-separated")
    parser.add_argument("--work", default=".")
    args = parser.parse_args()
    questions = list(everything()) + list(more())
    random.Random(1).shuffle(questions)
    questions = questions[:args.count]
    if args.kinds:
        questions = [one for one in questions if one["kind"] in args.kinds.split(",")]
    with open(os.path.join(args.work, "script.json"), "w", encoding="utf-8") as file:
        json.dump(script(questions), file)
    provider = subprocess.Popen([args.provider, "--script", file.name, "--label", ""], stdout=subprocess.PIPE, text=True)
    up = None
    try:
        high, port = provider.stdout.readline().split()[-1], free_port()
        path = os.path.join(args.work, "two-tiers.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config(args, high, port))
        up = subprocess.Popen([args.terrace, "up", "--config", path], stdout=subprocess.PIPE, text=True)
        for line in up.stdout:
            if "127.0.0.1" in line:
                break
        server = f"http://127.0.0.1:{port}"
        ways = [("low tier with judge", "--quality-check"), ("always high", "--tier", "api_fallback"),
                ("low tier alone", "--tier", "local_fast")]
        for name, *flags in ways:
            responses = send(args, server, questions, *flags)
            with open(os.path.join(args.work, name.replace(" ", "-") + ".json"), "w", encoding="utf-8") as file:
                json.dump(responses, file)
            print(json.dumps(told(name, questions, responses)), flush=True)
    finally:
        for process in (up, provider):
            if process:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
