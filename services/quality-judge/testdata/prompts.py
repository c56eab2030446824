"""The questions of the judge test set, each with how its answer is told right from wrong.

A question is a dict: `id`, `kind`, `prompt`, `truth` (see `truth.py`), and what the judge is told of it
(`format`, `code_language`). `max_tokens` keeps small models from rambling.
"""


def question(kind, number, prompt, truth, max_tokens=48, **told):
    return dict(id=f"{kind}-{number:02}", kind=kind, prompt=prompt, truth=truth, max_tokens=max_tokens, **told)


def arithmetic():
    pairs = [(17, "+", 25), (58, "-", 19), (7, "*", 8), (96, "/", 12), (45, "+", 38), (12, "*", 11), (81, "/", 9),
             (100, "-", 37), (6, "*", 7), (23, "+", 49), (144, "/", 12), (9, "*", 13), (64, "-", 28), (15, "*", 4)]
    for number, (a, sign, b) in enumerate(pairs):
        result = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[sign]
        yield question("arithmetic", number, f"What is {a} {sign} {b}? Reply with the number only.",
                       dict(number=result), 16)


def word_problems():
    problems = [
        ("Tom has 12 apples and gives 5 to Ann. How many apples does he have left?", 7),
        ("A book costs $8. How much do 6 books cost?", 48),
        ("A train travels 60 miles per hour for 3 hours. How many miles does it travel?", 180),
        ("There are 4 boxes with 9 pens each. How many pens are there in total?", 36),
        ("Sara reads 15 pages a day. How many pages does she read in 7 days?", 105),
        ("A pizza is cut into 8 slices. Three friends eat 2 slices each. How many slices are left?", 2),
        ("A shirt costs $40 and is 25% off. How much does it cost now?", 30),
        ("Ben is 9 years old. His sister is twice as old. How old is she in 3 years?", 21),
        ("A farmer has 24 cows and buys 18 more, then sells 10. How many cows does he have?", 32),
        ("A bus holds 45 people. How many people do 4 full buses hold?", 180),
        ("Lily saves $5 a week. How many weeks does she need to save $60?", 12),
        ("A rope of 36 meters is cut into pieces of 4 meters. How many pieces are there?", 9),
        ("There are 28 students in a class and half of them are girls. How many girls are there?", 14),
        ("A recipe needs 3 eggs for 12 cookies. How many eggs are needed for 48 cookies?", 12),
        ("A car uses 6 liters per 100 km. How many liters does it use for 250 km?", 15),
        ("Mia has 3 red, 5 blue and 8 green marbles. How many marbles does she have?", 16),
    ]
    for number, (prompt, result) in enumerate(problems):
        yield question("problem", number, prompt, dict(number=result), 72)


def choices():
    asked = [
        ("Which planet is the largest?", ["Mars", "Jupiter", "Venus", "Mercury"], "B"),
        ("What is the capital of France?", ["Berlin", "Madrid", "Paris", "Rome"], "C"),
        ("Which gas do plants take in?", ["Oxygen", "Helium", "Carbon dioxide", "Neon"], "C"),
        ("Who wrote Hamlet?", ["Shakespeare", "Dickens", "Austen", "Homer"], "A"),
        ("What is the freezing point of water in Celsius?", ["100", "50", "32", "0"], "D"),
        ("Which animal is a mammal?", ["Shark", "Whale", "Trout", "Frog"], "B"),
        ("How many continents are there?", ["Five", "Six", "Seven", "Nine"], "C"),
        ("Which metal is liquid at room temperature?", ["Iron", "Mercury", "Gold", "Zinc"], "B"),
        ("What is the square root of 81?", ["7", "8", "9", "10"], "C"),
        ("Which ocean is the largest?", ["Pacific", "Atlantic", "Indian", "Arctic"], "A"),
        ("Which language is spoken in Brazil?", ["Spanish", "Portuguese", "French", "Dutch"], "B"),
        ("What do bees make?", ["Milk", "Silk", "Honey", "Wool"], "C"),
    ]
    for number, (ask, options, right) in enumerate(asked):
        lines = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options))
        prompt = f"{ask}\n{lines}\nAnswer with the letter of the right option."
        yield question("choice", number, prompt, dict(letter=right, options=options), 24)
    reviews = [("I love this phone, it works perfectly.", "positive"), ("Terrible service, never again.", "negative"),
               ("The best meal I have had in years!", "positive"), ("It broke after one day.", "negative"),
               ("What a wonderful film.", "positive"), ("The room was dirty and loud.", "negative"),
               ("Great value and fast delivery.", "positive"), ("I want my money back.", "negative")]
    for number, (review, label) in enumerate(reviews):
        prompt = f"Is this review positive or negative? Reply with one word, positive or negative.\n\n{review}"
        yield question("label", number, prompt, dict(word=label), 12,
                       format=dict(choice=["positive", "negative"]))
    facts = [("Is the sun a star?", "yes"), ("Is Africa a country?", "no"), ("Can penguins fly?", "no"),
             ("Is 17 a prime number?", "yes"), ("Is ice warmer than steam?", "no"), ("Do fish have gills?", "yes")]
    for number, (ask, label) in enumerate(facts):
        yield question("yes-no", number, f"{ask} Answer yes or no.", dict(starts=label), 16)


def structured():
    people = [("Anna", 31, "Oslo"), ("Ben", 45, "Rome"), ("Carla", 27, "Lima"), ("David", 52, "Cairo"),
              ("Emma", 19, "Paris"), ("Felix", 38, "Quito"), ("Grace", 64, "Delhi"), ("Hugo", 23, "Berlin")]
    for number, (name, age, city) in enumerate(people):
        prompt = (f"Write a JSON object with the keys name, age and city for this person: {name} is {age} years old "
                  f"and lives in {city}. Reply with JSON only.")
        yield question("json", number, prompt, dict(json=dict(name=name, age=age, city=city)), 64,
                       format=dict(json=True))
    things = [["red", "green", "blue"], ["cat", "dog"], ["one", "two", "three"], ["tea", "milk"], ["iron", "gold"]]
    for number, items in enumerate(things):
        prompt = f"Write a JSON array of these strings: {', '.join(items)}. Reply with JSON only."
        yield question("array", number, prompt, dict(json=items), 48, format=dict(json=True))
    services = [("web", 80), ("db", 5432), ("cache", 6379), ("mail", 25), ("queue", 5672)]
    for number, (name, port) in enumerate(services):
        prompt = f"Write a YAML file with the keys name and port for a service called {name} on port {port}. Reply with YAML in a code block."
        yield question("yaml", number, prompt, dict(yaml=dict(name=name, port=port)), 56, code_language="yaml")


def code():
    functions = [
        ("add(a, b) that returns the sum of two numbers", "add(2, 3) == 5"),
        ("is_even(n) that tells whether n is even", "is_even(4) and not is_even(7)"),
        ("square(x) that returns x squared", "square(5) == 25"),
        ("reverse(s) that returns a string reversed", "reverse('abc') == 'cba'"),
        ("largest(items) that returns the largest number of a list", "largest([3, 9, 2]) == 9"),
        ("count_vowels(s) that counts the vowels of a string", "count_vowels('banana') == 3"),
        ("factorial(n) that returns n factorial", "factorial(5) == 120"),
        ("double_all(items) that returns a list with each number doubled", "double_all([1, 2]) == [2, 4]"),
        ("last(items) that returns the last element of a list", "last([1, 2, 3]) == 3"),
        ("mean(items) that returns the mean of a list of numbers", "mean([2, 4]) == 3"),
        ("first_word(s) that returns the first word of a string", "first_word('red car') == 'red'"),
        ("is_palindrome(s) that tells whether a string is a palindrome", "is_palindrome('level') and not is_palindrome('ab')"),
    ]
    for number, (what, test) in enumerate(functions):
        prompt = f"Write a Python function {what}. Reply with code only."
        yield question("python", number, prompt, dict(python=test), 96, code_language="python")
    queries = [("the names of all users", "SELECT name FROM users"), ("how many orders there are", "SELECT count(*) FROM orders"),
               ("all users older than 30", "SELECT * FROM users WHERE age > 30"),
               ("the total of all orders of user 7", "SELECT sum(total) FROM orders WHERE user_id = 7"),
               ("the cities of all users without repeats", "SELECT DISTINCT city FROM users")]
    for number, (what, _) in enumerate(queries):
        prompt = (f"Write an SQL query that selects {what}. The tables are users(id, name, age, city) and "
                  f"orders(id, user_id, total). Reply with SQL only.")
        yield question("sql", number, prompt, dict(sql=True), 64, code_language="sql")
    others = [("javascript", "a JavaScript function triple(x) that returns x times three"),
              ("javascript", "a JavaScript function that logs Hello to the console"),
              ("javascript", "a JavaScript function shout(s) that returns s in upper case"),
              ("bash", "a Bash script that prints the numbers 1 to 5"), ("bash", "a Bash script that lists all .txt files"),
              ("bash", "a Bash script that prints today's date"),
              ("c", "a C function int add(int a, int b)"), ("c", "a C function that returns the larger of two ints"),
              ("cpp", "a C++ function that returns the square of an int"), ("java", "a Java class Hello with a main method that prints Hello"),
              ("go", "a Go program that prints Hello"), ("rust", "a Rust function add(a: i32, b: i32) -> i32"),
              ("typescript", "a TypeScript function len(s: string): number")]
    for number, (language, what) in enumerate(others):
        yield question("code", number, f"Write {what}. Reply with code only.", dict(parses=language), 96,
                       code_language=language)


def words():
    pairs = [("bread", "French", ["pain"]), ("house", "Spanish", ["casa"]), ("water", "German", ["wasser"]),
             ("friend", "French", ["ami"]), ("dog", "Spanish", ["perro"]), ("thank you", "German", ["danke"]),
             ("book", "Italian", ["libro"]), ("milk", "French", ["lait"]), ("red", "Spanish", ["rojo"]),
             ("tree", "German", ["baum"]), ("sun", "Italian", ["sole"]), ("cat", "French", ["chat"])]
    for number, (word, language, right) in enumerate(pairs):
        prompt = f"Translate the word \"{word}\" to {language}. Reply with the translation only."
        yield question("translation", number, prompt, dict(says=right), 16)
    lists = [("fruits", 3), ("colors", 5), ("European countries", 4), ("animals", 5), ("vegetables", 4), ("planets", 3),
             ("musical instruments", 3), ("sports", 5)]
    for number, (what, count) in enumerate(lists):
        prompt = f"List exactly {count} {what}, one per line, with a dash in front of each. Write nothing else."
        yield question("list", number, prompt, dict(items=count), 48)
    facts = [("What is the capital of Japan?", ["tokyo"]), ("Who painted the Mona Lisa?", ["leonardo", "vinci"]),
             ("What is the chemical symbol of gold?", ["au"]), ("How many days are there in a leap year?", ["366"]),
             ("In which year did the Second World War end?", ["1945"]), ("What is the tallest mountain on Earth?", ["everest"]),
             ("How many legs does a spider have?", ["8", "eight"]), ("What is H2O usually called?", ["water"]),
             ("Which planet is known as the Red Planet?", ["mars"]), ("What is the currency of Japan?", ["yen"]),
             ("How many minutes are there in two hours?", ["120"]), ("Which country is Oslo in?", ["norway"]),
             ("What is the opposite of hot?", ["cold"]), ("How many sides does a hexagon have?", ["6", "six"]),
             ("What do you call a baby cat?", ["kitten"]), ("What is the first month of the year?", ["january"])]
    for number, (ask, right) in enumerate(facts):
        yield question("fact", number, f"{ask} Answer in one short sentence.", dict(says=right), 32)


def everything():
    for part in (arithmetic, word_problems, choices, structured, code, words):
        yield from part()
