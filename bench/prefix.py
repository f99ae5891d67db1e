"""What a server's prefix cache saves, by where advice stands: ``python -m bench.prefix``.

One conversation of ten turns, advised each turn by a release of made-up strategies. Of each prompt the words count
that are the same as in the prompt before, from its first word on: a server that caches prefixes (vLLM, llama.cpp,
OpenAI) does not read these again. Words stand for tokens; no model is asked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.serve.data import Words, release
from preceptor.coach import Coach, with_block

TURNS, POLICY, SAID = 10, 2000, 45
Messages = list[dict[str, Any]]
Place = Callable[[Messages, Sequence[str]], Messages]


def rendered(messages: Messages) -> list[str]:
    """The prompt's words, as a chat template writes it."""
    return " ".join(f"<|{m['role']}|> {m['content']} <|end|>" for m in messages).split()


def at_the_end(messages: Messages, blocks: Sequence[str]) -> Messages:
    """As the proxy does it: in the last user message, and gone with the next turn."""
    return with_block(messages, blocks[-1])


def in_the_system_prompt(messages: Messages, blocks: Sequence[str]) -> Messages:
    """Behind the policy."""
    return [{**messages[0], "content": f"{messages[0]['content']}\n\n{blocks[-1]}"}, *messages[1:]]


def kept_in_the_history(messages: Messages, blocks: Sequence[str]) -> Messages:
    """Each in its own turn, for good."""
    users = [n for n, m in enumerate(messages) if m["role"] == "user"]
    found = list(messages)
    for n, block in zip(users, blocks, strict=True):
        found[n] = {**found[n], "content": f"{found[n]['content']}\n\n{block}"}
    return found


def prompts(coach: Coach, known: Sequence[str], words: Words, place: Place) -> list[list[str]]:
    """The prompt of every turn."""
    messages: Messages = [{"role": "system", "content": words.text(POLICY)}]
    blocks: list[str] = []
    found: list[list[str]] = []
    for turn in range(TURNS):
        said = known[turn * 7919 % len(known)].splitlines()[-1].partition(": ")[2]
        messages.append({"role": "user", "content": f"{said} {words.text(SAID - len(said.split()))}"})
        blocks.append(coach.advise(messages).text)
        found.append(rendered(place(messages, blocks)))
        messages.append({"role": "assistant", "content": words.text(SAID)})
    return found


def read_anew(found: Sequence[Sequence[str]]) -> list[int]:
    """Words of each prompt behind what it has in common with the one before."""
    counts: list[int] = []
    before: Sequence[str] = ()
    for prompt in found:
        same = next((n for n, (a, b) in enumerate(zip(before, prompt, strict=False)) if a != b), len(before))
        counts.append(len(prompt) - same)
        before = prompt
    return counts


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, known = release(Path(folder), 1000)
        coach = Coach.from_release(path)
        print(f"{TURNS} turns, a policy of {POLICY} words, {SAID} words a message; words stand for tokens\n")
        print("| advice stands | words of all prompts | read anew | share | a later turn, median | last prompt |")
        print("|---|---|---|---|---|---|")
        for name, place in (
            ("at the end of the last user message (ours)", at_the_end),
            ("at the end of the system prompt", in_the_system_prompt),
            ("in each user message, kept in the history", kept_in_the_history),
        ):
            found = prompts(coach, known, Words(5), place)
            anew, whole = read_anew(found), sum(map(len, found))
            later = sorted(anew[1:])[len(anew) // 2]
            print(
                f"| {name} | {whole:,} | {sum(anew):,} | {sum(anew) / whole:.0%} | {later} | {len(found[-1]):,} |"
            )


if __name__ == "__main__":
    main()
