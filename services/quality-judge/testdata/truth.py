"""What is true of an answer to a question, by running it, parsing it, or comparing it: never by opinion.

`label(question, answer, finish)` gives whether it is good and which defects it has, by the names of the judge's checks.
"""
import ast
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter

import yaml

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
NUMBER_WORDS = re.compile(r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|"
                          r"hundred|none|no|half|both|twice|single)\b", re.I)
FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.S)
TABLES = "create table users(id, name, age, city); create table orders(id, user_id, total);"
# How each language is checked, without running anything.
CHECKERS = {
    "javascript": (".js", ["node", "--check"]),
    "bash": (".sh", ["bash", "-n"]),
    "c": (".c", ["gcc", "-fsyntax-only", "-w"]),
    "cpp": (".cpp", ["g++", "-fsyntax-only", "-w"]),
    "go": (".go", ["gofmt", "-e", "-l"]),
    "rust": (".rs", ["rustfmt", "--check", "--edition", "2021"]),
    "java": (".java", ["javac", "-proc:none", "-d", "/tmp"]),
}


def numbers(text):
    return [float(match.replace(",", "")) for match in NUMBER.findall(text)]


def code_of(answer):
    blocks = FENCE.findall(answer)
    return blocks[0] if blocks else answer


def runs(code, test):
    program = f"{code}\nassert {test}\n"
    try:
        return subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, timeout=10).returncode == 0
    except (subprocess.TimeoutExpired, ValueError):
        return False


def parses(language, code):
    if language == "typescript":
        language = "javascript"
        code = re.sub(r":\s*(?:string|number|boolean)", "", code)
    suffix, command = CHECKERS[language]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "Hello" + suffix)
        with open(path, "w", encoding="utf-8") as file:
            file.write(code)
        done = subprocess.run([*command, path], capture_output=True, text=True, cwd=folder, timeout=60)
    if language == "rust":  # rustfmt --check fails on layout too; what does not parse is an error on stderr
        return "error" not in done.stderr
    if language in ("c", "cpp", "java"):  # what is not declared parses all the same
        return not re.search(r"expected|illegal start|unclosed|stray|not a statement|missing terminat", done.stderr)
    return done.returncode == 0


def is_python(code):
    try:
        ast.parse(code)
        return True
    except (SyntaxError, ValueError):
        return False


def sql_state(code):
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)
    try:
        database.executescript(code)
        return "runs"
    except sqlite3.Error as error:
        return "syntax" if "syntax" in str(error) or "unrecognized" in str(error) else "fails"


def json_of(answer):
    blocks = FENCE.findall(answer)
    alone = re.fullmatch(r"\s*```[^\n]*\n(.*?)```\s*", answer, re.S)
    text = alone.group(1) if alone and len(blocks) == 1 else answer
    try:
        return json.loads(text)
    except ValueError:
        return None


def wrong_equation(text):
    plain = re.sub(r"<<[^>]*>>", "", text)
    for left, right in re.findall(r"(?<![\w.*/+-])(\d[\d.]*(?: *[-+*/x] *\d[\d.]*)+) *= *\$?(\d[\d,]*(?:\.\d+)?)(?![\w/]| *[-+*/x])", plain):
        try:
            value = eval(left.replace("x", "*"))  # digits and signs of arithmetic alone
        except (SyntaxError, ZeroDivisionError):
            continue
        if abs(value - float(right.replace(",", ""))) > 0.011 * max(1, abs(value)):
            return True
    return False


def repeats(text):
    lines = [line.strip() for line in text.splitlines() if len(line.strip()) > 3]
    in_a_row = any(len(set(lines[at:at + 5])) == 1 for at in range(len(lines) - 4))
    words = text.split()
    runs_of_four = Counter(tuple(words[at:at + 4]) for at in range(len(words) - 3))
    return in_a_row or (bool(runs_of_four) and max(runs_of_four.values()) >= 8)


def refuses(text):
    return bool(re.match(r"\W*(?:(?:i'm|i am) sorry|sorry|i apologi[sz]e|i (?:can't|cannot|can not|won't)|as an ai)", text.strip().lower()))


def chosen(answer, options):
    letters = re.findall(r"\b([A-D])\b", answer)
    if letters:
        return letters[0]
    named = [letter for letter, option in zip("ABCD", options) if option.lower() in answer.lower()]
    return named[0] if named else None


def by_truth(truth, answer):
    """Whether it is right, and the defects that the truth itself shows."""
    if "number" in truth:
        found = numbers(answer)
        missing = [] if found or NUMBER_WORDS.search(answer) else ["missing"]
        return bool(found) and abs(found[-1] - truth["number"]) < 1e-6, missing
    if "letter" in truth:
        letter = chosen(answer, truth["options"])
        return letter == truth["letter"], [] if letter else ["missing"]
    if "word" in truth:
        said = answer.strip().strip("\"'*`.!:").lower()
        return said == truth["word"], [] if said in ("positive", "negative") else ["format"]
    if "starts" in truth:
        said = re.findall(r"\b(yes|no)\b", answer.lower())
        return said[:1] == [truth["starts"]], [] if said else ["missing"]
    if "json" in truth:
        value = json_of(answer)
        return value == truth["json"], ["format"] if value is None else []
    if "yaml" in truth:
        try:
            return yaml.safe_load(code_of(answer)) == truth["yaml"], []
        except yaml.YAMLError:
            return False, ["syntax"]
    if "python" in truth:
        code = code_of(answer)
        return runs(code, truth["python"]), [] if is_python(code) else ["syntax"]
    if "sql" in truth:
        state = sql_state(code_of(answer))
        return state == "runs", ["syntax"] if state == "syntax" else []
    if "parses" in truth:
        good = parses(truth["parses"], code_of(answer))
        return good, [] if good else ["syntax"]
    if "items" in truth:
        items = [line.strip().lower() for line in answer.strip().splitlines() if line.strip()]
        right = all(item.startswith("-") for item in items) and len(set(items)) == len(items) == truth["items"]
        return right, []
    return any(re.search(rf"\b{re.escape(word)}\b", answer.lower()) for word in truth["says"]), []


def label(question, answer, finish):
    good, defects = by_truth(question["truth"], answer)
    if not answer.strip() or finish == "length":
        defects.append("empty")
    if answer.strip() and refuses(answer):
        defects.append("refusal")
    if repeats(answer):
        defects.append("repetition")
    prose = "code_language" not in question and "format" not in question
    if prose and wrong_equation(answer):
        defects.append("arithmetic")
    return dict(good=good and bool(answer.strip()) and not refuses(answer), defects=sorted(set(defects)))
