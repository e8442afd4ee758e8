"""Tables in the style of those that everybody learns with."""

import random

import numpy as np

from data.tablewriting import Quirk, gap, quirk, text


@quirk
def titanic() -> Quirk:
    """An id, names with commas, ages and cabins with gaps, tickets."""
    names = ["Braund, Mr. Owen", "Cumings, Mrs. John", "Heikkinen, Miss. Laina"]
    rows = [
        [
            row + 1, int(random.random() < 0.4), random.choice([1, 2, 3]), f"{names[row % 3]} {row}",
            random.choice(["male", "female"]), gap(f"{random.uniform(1, 70):.1f}", 0.2), random.choice([0, 1, 2, 3, 4]),
            f"A/{5 * row} {21171 + row}", f"{random.uniform(7, 90):.4f}", gap(f"C{row}", 0.8),
            gap(random.choice("SCQ"), 0.01),
        ]
        for row in range(300)
    ]  # fmt: skip
    for row in (7, 30):
        rows[row][10] = ""
    header = ["PassengerId", "Survived", "Pclass", "Name", "Sex", "Age", "SibSp", "Ticket", "Fare", "Cabin", "Embarked"]
    kinds = {"ordinal": 2, "categorical": 2, "numeric": 2, "text": 1, "identifier": 3}
    return Quirk(
        "Titanic", "titanic.csv", text(header, rows), "Survived", "classification", kinds, 1 + 2 + 2 + 1 + 1 + 4
    )


@quirk
def houses() -> Quirk:
    """Sixty columns of mixed kinds, NA where a house has no such thing, a skewed price."""
    numbers, marks, words = 30, 12, 16
    header = ["Id", "YrSold", *(f"Area{i}" for i in range(numbers)), *(f"Qual{i}" for i in range(marks))]
    header += [*(f"Style{i}" for i in range(words)), "SalePrice"]
    rows = []
    for row in range(200):
        cells = [row + 1, 2006 + row % 5, *(gap(random.randrange(3000), 0.05, "NA") for _ in range(numbers))]
        cells += [gap(random.choice(["Po", "Fa", "TA", "Gd", "Ex"]), 0.2, "NA") for _ in range(marks)]
        cells += [gap(random.choice(["1Story", "2Story", "SLvl"]), 0.3, "NA") for _ in range(words)]
        rows.append([*cells, int(np.exp(random.gauss(12, 0.8)))])
    kinds = {"numeric": numbers, "ordinal": marks + 1, "categorical": words, "identifier": 1}
    inputs = 1 + 2 * numbers + 2 * marks + 4 * words
    notes = ("SalePrice is positive and skewed",)
    return Quirk("Ames house prices", "houses.csv", text(header, rows), "SalePrice", "regression", kinds, inputs, notes)


@quirk
def adult() -> Quirk:
    """A space behind every comma, ? for missing words, the target with a sign."""
    rows = [
        [
            random.randint(17, 90), gap(random.choice(["Private", "State-gov", "Self-emp"]), 0.06, "?"),
            random.randint(20_000, 900_000), random.choice(["Bachelors", "HS-grad", "11th"]),
            random.choice(["White", "Black", "Other"]), random.choice([0, 0, 0, 2174, 7688]),
            random.choice(["<=50K", ">50K", "<=50K"]),
        ]
        for _ in range(200)
    ]  # fmt: skip
    header = ["age", "workclass", "fnlwgt", "education", "race", "capital-gain", "income"]
    data = text(header, rows).replace(b",", b", ")
    kinds = {"numeric": 2, "ordinal": 1, "categorical": 3}
    return Quirk("census income", "adult.csv", data, "income", "classification", kinds, 3 + 4 + 3 + 3)


@quirk
def german_credit() -> Quirk:
    """Codes A11 to A14 in place of words; the target is 1 or 2."""
    rows = [
        [f"A1{random.randint(1, 4)}", random.randint(4, 72), f"A3{random.randint(0, 4)}", random.randint(250, 18_000),
            f"A20{random.randint(1, 2)}", random.randint(1, 2)]
        for _ in range(150)
    ]  # fmt: skip
    header = ["status", "duration", "history", "amount", "foreign", "risk"]
    kinds = {"numeric": 2, "categorical": 3}
    return Quirk(
        "German credit", "credit.tsv", text(header, rows, "\t"), "risk", "classification", kinds, 4 + 1 + 5 + 1 + 2
    )


@quirk
def telco() -> Quirk:
    """An id of letters, Yes and No, blanks among the charges of new customers, rare targets."""
    rows = []
    for row in range(240):
        tenure = random.randint(0, 72) if row % 40 else 0
        rows.append(
            [
                f"{7590 + row}-{''.join(random.choices('VHEGQ', k=5))}", random.choice(["Male", "Female"]),
                int(row % 6 == 0),
                random.choice(["Yes", "No"]), tenure, random.choice(["Yes", "No", "No phone service"]),
                random.choice(["Month-to-month", "One year", "Two year"]), f"{random.uniform(18, 118):.2f}",
                f"{random.uniform(18, 8000):.2f}" if row % 40 else " ", "Yes" if random.random() < 0.27 else "No",
            ]
        )  # fmt: skip
    header = [
        "customerID",
        "gender",
        "SeniorCitizen",
        "Partner",
        "tenure",
        "PhoneService",
        "Contract",
        "MonthlyCharges",
        "TotalCharges",
        "Churn",
    ]
    kinds = {"identifier": 1, "categorical": 3, "Boolean": 2, "numeric": 3}
    return Quirk(
        "telephone customers who leave",
        "telco.csv",
        text(header, rows),
        "Churn",
        "classification",
        kinds,
        2 + 1 + 1 + 1 + 3 + 3 + 1 + 2,
    )


@quirk
def reviews() -> Quirk:
    """Free text, a user name, ratings 1-5 as the target, a URL."""
    words = ["great", "bad", "never", "again", "would", "buy", "the", "box", "was", "broken", "on", "arrival"]
    rows = [
        [
            f"user{row}",
            " ".join(random.choices(words, k=14)),
            f"https://shop.example/{row}",
            random.randint(1, 90),
            random.choice(["low", "medium", "high"]),
            random.randint(1, 5),
        ]
        for row in range(150)
    ]
    kinds = {"identifier": 2, "text": 1, "numeric": 1, "ordinal": 1}
    return Quirk(
        "product reviews",
        "reviews.csv",
        text(["user", "review", "url", "votes", "activity", "stars"], rows),
        "stars",
        "classification",
        kinds,
        2,
    )


@quirk
def wide() -> Quirk:
    """Three hundred columns of numbers and few rows; some never vary."""
    rows = [[*(f"{random.gauss(0, 1):.4f}" for _ in range(290)), *["0"] * 10, "ab"[row % 2]] for row in range(40)]
    header = [*(f"g{column}" for column in range(300)), "kind"]
    return Quirk(
        "gene expression",
        "genes.tsv",
        text(header, rows, "\t"),
        "kind",
        "classification",
        {"numeric": 290, "constant": 10},
        290,
    )


@quirk
def rare() -> Quirk:
    """Skewed classes, one of a single row, and rows without a class."""
    kinds = ["normal"] * 170 + ["dos"] * 25 + ["probe"] * 3 + ["u2r"] + [""] * 4
    random.shuffle(kinds)
    rows = [
        [random.randrange(10**6), random.choice(["tcp", "udp", "icmp"]), f"{random.random():.2f}", kind]
        for kind in kinds
    ]
    notes = (
        "4 rows without a attack left out",
        "too few rows for the validation part:",
        "too few rows for the test part: u2r (1 row)",
    )
    return Quirk(
        "network attacks",
        "kdd.csv",
        text(["bytes", "protocol", "rate", "attack"], rows),
        "attack",
        "classification",
        {"numeric": 2, "categorical": 1},
        1 + 3 + 1,
        notes,
    )


@quirk
def survey() -> Quirk:
    """Answers on scales, brackets of age and income, most left out by some."""
    agree = ["Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"]
    rows = [
        [
            random.choice(["<18", "18-25", "26-35", "36-50", "65+"]),
            random.choice(["$0-$1,000", "$1,000-$20,000", "$20,000+"]),
            gap(random.choice(agree), 0.15, "n/a"),
            random.choice(["Never", "Sometimes", "Always"]),
            random.choice(["< 1 year", "1 year", "2 years", "10+ years"]),
            "YN"[random.random() < 0.5],
        ]
        for _ in range(150)
    ]
    header = ["Age?", "Income, yearly", "I like it = yes", "How often", "employed", "Again"]
    return Quirk("survey", "survey.csv", text(header, rows), "Again", "classification", {"ordinal": 5}, 6)


@quirk
def cities() -> Quirk:
    """Zip codes with leading zeros, more than fifty towns, phone numbers."""
    rows = [
        [
            random.choice(["01234", "02139", "10001", "90210"]),
            f"Town {min(int(random.expovariate(1 / 40)), 199)}",
            f"555-{row:04}",
            random.choice(["AL", "CA", "NY"]),
            random.randint(100, 999) * 1000,
        ]
        for row in range(800)
    ]
    kinds = {"categorical": 3, "identifier": 1}
    return Quirk(
        "shops by town",
        "shops.txt",
        text(["zip", "town", "phone", "state", "sales"], rows),
        "sales",
        "regression",
        kinds,
        4 + 7 + 3,  # the towns are vectors of width 7
    )
