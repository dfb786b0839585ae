"""Collections and user-defined types that are not frozen, changed part by part."""

from tests.integration.programs.transcript import Transcript, conversation


def changed_in_place(saw: Transcript) -> None:
    saw.create(
        "CREATE TYPE street (name text, number int)",
        "CREATE TABLE parts (k int PRIMARY KEY, l list<int>, s set<text>, m map<text, int>, u street)",
    )
    run = saw.session.execute
    run("INSERT INTO parts (k, l, s, m, u) VALUES (1, [1, 2], {'a'}, {'x': 1}, {name: 'n', number: 1})")
    for text in (
        "UPDATE parts SET l = l + [3] WHERE k = 1",
        "UPDATE parts SET l = [0] + l WHERE k = 1",
        "UPDATE parts SET l[1] = 10 WHERE k = 1",
        "DELETE l[0] FROM parts WHERE k = 1",
        "UPDATE parts SET l = l - [3] WHERE k = 1",
        "UPDATE parts SET s = s + {'b', 'c'} WHERE k = 1",
        "UPDATE parts SET s = s - {'a'} WHERE k = 1",
        "UPDATE parts SET m['y'] = 2, m['z'] = 3 WHERE k = 1",
        "DELETE m['x'] FROM parts WHERE k = 1",
        "UPDATE parts SET m = m - {'y'} WHERE k = 1",
        "UPDATE parts SET u.number = 2 WHERE k = 1",
        "UPDATE parts SET u.name = null WHERE k = 1",
    ):
        saw.ask(text, text)
        saw.ask(f"after {text}", "SELECT * FROM parts WHERE k = 1")
    append = saw.session.prepare("UPDATE parts SET l = l + ?, s = s + ?, m = m + ? WHERE k = ?")
    saw.ask("prepared append", append, ([7, 8], {"z"}, {"q": 9}, 1))
    element = saw.session.prepare("UPDATE parts SET l[?] = ?, m[?] = ? WHERE k = ?")
    saw.ask("prepared element", element, (0, 70, "q", 90, 1))
    saw.ask("after prepared", "SELECT * FROM parts")
    saw.ask("elements", "SELECT m['q'], s['z'], u.name, u.number FROM parts WHERE k = 1")
    saw.refused("index out of bounds", "UPDATE parts SET l[100] = 1 WHERE k = 1")
    saw.refused("null in a list", append, ([None], set(), {}, 1))


if __name__ == "__main__":
    with conversation() as saw:
        changed_in_place(saw)
