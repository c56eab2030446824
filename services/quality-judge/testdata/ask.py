#!/usr/bin/env python3
"""Asks a small model the questions of the judge test set, twice each: without and with chance.

usage: ask.py URL MODEL ANSWERS.jsonl

Appends an answer a line and passes over those that are there, so it can be stopped and started again.
"""
import json
import os
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from prompts import everything


def ask(url, model, question, round_number):
    body = dict(model=model, messages=[dict(role="user", content=question["prompt"])], seed=round_number + 1,
                temperature=0.0 if round_number == 0 else 0.7, max_tokens=question["max_tokens"])
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(),
                                     {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        choice = json.load(answer)["choices"][0]
    return dict(id=f"{question['id']}-{round_number}", question=question["id"], source=model,
                answer=choice["message"]["content"], finish=choice["finish_reason"])


def main():
    url, model, path = sys.argv[1:]
    there = set()
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            there = {json.loads(line)["id"] for line in file}
    wanted = [(question, number) for number in (0, 1) for question in everything()
              if f"{question['id']}-{number}" not in there]
    wanted.sort(key=lambda pair: pair[0]["max_tokens"])  # short ones first: whoever stops early has many
    with open(path, "a", encoding="utf-8") as file, ThreadPoolExecutor(2) as pool:
        for row in pool.map(lambda pair: ask(url, model, *pair), wanted):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
