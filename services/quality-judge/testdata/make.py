#!/usr/bin/env python3
"""Makes the judge test set of what a model answered and of what was written for it.

usage: make.py ANSWERS.jsonl > judge-set.jsonl

ANSWERS.jsonl is what ask.py wrote. Needs python3 with PyYAML, node, bash, gcc, g++, go, rustfmt and javac: labels come
from running and parsing the answers.
"""
import json
import sys

import truth
import written
from prompts import everything


def row(question, identifier, source, answer, finish):
    told = {key: question[key] for key in ("format", "code_language") if key in question}
    return dict(id=identifier, kind=question["kind"], source=source, prompt=question["prompt"], answer=answer,
                finish=finish, **told, **truth.label(question, answer, finish))


def main():
    questions = {question["id"]: question for question in everything()}
    with open(sys.argv[1], encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    # The same words twice say nothing twice.
    once = {(one["question"], one["answer"]): one for one in reversed(answers)}
    rows = [row(questions[one["question"]], one["id"], one["source"], one["answer"], one["finish"])
            for one in answers if once[(one["question"], one["answer"])] is one]
    real = len(rows)
    for identifier, question in questions.items():
        if len(rows) + 2 > 2 * real:
            break
        number = int(identifier.rsplit("-", 1)[1])
        rows.append(row(question, f"{identifier}-right", "written", written.right(question, number), "stop"))
        answer, finish = written.damaged(question, number)
        rows.append(row(question, f"{identifier}-wrong", "written", answer, finish))
    for one in rows:
        print(json.dumps(one, ensure_ascii=False))


if __name__ == "__main__":
    main()
