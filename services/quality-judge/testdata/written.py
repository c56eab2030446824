"""Answers that were written for the judge test set: a right one to each question, and one with a known damage."""
import json

PYTHON = {
    "add": "def add(a, b):\n    return a + b", "is_even": "def is_even(n):\n    return n % 2 == 0",
    "square": "def square(x):\n    return x * x", "reverse": "def reverse(s):\n    return s[::-1]",
    "largest": "def largest(items):\n    return max(items)",
    "count_vowels": "def count_vowels(s):\n    return sum(c in 'aeiou' for c in s.lower())",
    "factorial": "def factorial(n):\n    result = 1\n    for i in range(2, n + 1):\n        result *= i\n    return result",
    "double_all": "def double_all(items):\n    return [2 * item for item in items]",
    "last": "def last(items):\n    return items[-1]", "mean": "def mean(items):\n    return sum(items) / len(items)",
    "first_word": "def first_word(s):\n    return s.split()[0]",
    "is_palindrome": "def is_palindrome(s):\n    return s == s[::-1]",
}
CODE = [
    "function triple(x) {\n  return 3 * x;\n}", "function hello() {\n  console.log(\"Hello\");\n}",
    "const shout = (s) => s.toUpperCase();", "#!/bin/bash\nfor i in 1 2 3 4 5; do\n  echo \"$i\"\ndone",
    "#!/bin/bash\nls -- *.txt", "#!/bin/bash\ndate +%F", "int add(int a, int b) {\n    return a + b;\n}",
    "int larger(int a, int b) {\n    return a > b ? a : b;\n}", "int square(int x) {\n    return x * x;\n}",
    "public class Hello {\n    public static void main(String[] args) {\n        System.out.println(\"Hello\");\n    }\n}",
    "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"Hello\")\n}",
    "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}", "function len(s: string): number {\n  return s.length;\n}",
]
SQL = ["SELECT name FROM users;", "SELECT count(*) FROM orders;", "SELECT * FROM users WHERE age > 30;",
       "SELECT sum(total) FROM orders WHERE user_id = 7;", "SELECT DISTINCT city FROM users;"]
ITEMS = ["apple", "banana", "cherry", "plum", "pear"]
REFUSALS = ["I'm sorry, but I can't help with that.", "I cannot assist with this request.",
            "As an AI language model, I am unable to answer this question.", "I'm sorry, I am not able to do that."]


def fenced(language, code):
    return f"```{language}\n{code}\n```"


def right(question, number):
    truth = question["truth"]
    if "number" in truth:
        value = truth["number"]
        return str(value) if question["kind"] == "arithmetic" else f"That makes {value}."
    if "letter" in truth:
        return truth["letter"]
    if "word" in truth:
        return truth["word"]
    if "starts" in truth:
        return truth["starts"].capitalize() + "."
    if "json" in truth:
        return json.dumps(truth["json"])
    if "yaml" in truth:
        return fenced("yaml", "\n".join(f"{key}: {value}" for key, value in truth["yaml"].items()))
    if "python" in truth:
        return fenced("python", PYTHON[question["prompt"].split("function ")[1].split("(")[0]])
    if "sql" in truth:
        return SQL[number]
    if "parses" in truth:
        return fenced(truth["parses"], CODE[number])
    if "items" in truth:
        return "\n".join(f"- {item}" for item in ITEMS[:truth["items"]])
    return f"It is {truth['says'][0].capitalize()}."


def damaged(question, number):
    """A wrong answer and why the backend stopped."""
    good, turn = right(question, number), number % 4
    if question["kind"] in ("python", "code"):
        damages = [good.replace("(", "((", 1), good[:len(good) * 2 // 3], good.replace(":\n", "\n").replace("{", "[", 1),
                   "You could write a function that does this and call it."]
        return damages[turn], "length" if turn == 1 else "stop"
    if question["kind"] == "sql":
        return [good.replace("SELECT", "SELECT FROM"), "SELEC name FROM users;", good.replace("FROM", "FORM WHERE"),
                REFUSALS[turn]][turn], "stop"
    if question["kind"] == "yaml":
        return [good.replace(": ", ": [", 1), good.replace("name:", "name: web: "), REFUSALS[turn], good[:14]][turn], "stop"
    if question["kind"] in ("json", "array"):
        return [good[:-1], f"Here is the JSON:\n{good}", good.replace("\"", "'"), REFUSALS[turn]][turn], "stop"
    if question["kind"] == "problem":
        value = question["truth"]["number"]
        return [f"{value} + 3 = {value + 4}, so the answer is {value + 4}.", REFUSALS[turn],
                "It depends on what we are told about it.", f"The result is {value + 7}. " * 12][turn], "stop"
    if question["kind"] == "arithmetic":
        return [str(question["truth"]["number"] + 9), "That is a sum of two values.", REFUSALS[turn], ""][turn], "stop"
    if question["kind"] == "choice":
        wrong = "ABCD"[("ABCD".index(question["truth"]["letter"]) + 1) % 4]
        return [wrong, "None that I would name here.", REFUSALS[turn], "It is hard to say, hard to say, " * 14][turn], "stop"
    if question["kind"] == "label":
        return ["The customer sounds happy.", "neutral", REFUSALS[turn], "positive or negative"][turn], "stop"
    return [REFUSALS[turn], "", "word word word " * 40, "Perhaps it is Atlantis."][turn], "stop"
