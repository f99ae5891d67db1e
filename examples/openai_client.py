"""The openai client, coached: python examples/openai_client.py RELEASE BASE_URL MODEL"""

import sys

from openai import OpenAI

from preceptor import Coach


def main(release: str, base_url: str, model: str) -> None:
    coach = Coach.from_release(release)
    client = OpenAI(base_url=base_url, api_key="not-needed")
    messages = [{"role": "system", "content": "You answer passengers of an airline."}]
    for customer in ("My suitcase did not arrive.", "It is a blue suitcase, and it did not arrive!"):
        messages.append({"role": "user", "content": customer})
        # What is sent carries the advice; what is kept does not, so the server's prompt cache still works.
        answer = client.chat.completions.create(model=model, messages=coach.apply(messages))
        messages.append({"role": "assistant", "content": answer.choices[0].message.content})
        print(messages[-1]["content"])


if __name__ == "__main__":
    main(*sys.argv[1:])
