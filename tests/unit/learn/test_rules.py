from preceptor.learn.rules import Rule, strategy


def test_a_repeated_field_name_is_taken_off_and_text_is_cleaned():
    rule = Rule(when="When the bag is\n late", do="ask\x1b[31m for the tag", avoid="Avoid guessing", why="it helps")
    made = strategy(rule, scope="scenario", scenarios=("s1",))
    assert (made.when, made.do, made.avoid) == ("the bag is late", "ask for the tag", "guessing")
    assert made.text() == "When the bag is late: ask for the tag. Avoid: guessing."


def test_the_id_follows_from_words_and_scenarios():
    rule = Rule(when="a bag is late", do="ask for the tag")
    same = [strategy(rule, scope="scenario", scenarios=("s1",)) for _ in range(2)]
    assert same[0] == same[1]
    assert strategy(rule, scope="scenario", scenarios=("s2",)).id != same[0].id
