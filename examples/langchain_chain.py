"""A LangChain chain, coached: python examples/langchain_chain.py RELEASE BASE_URL MODEL"""

import sys

from langchain_core.messages import HumanMessage, SystemMessage, convert_to_openai_messages
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI

from preceptor import Coach


def main(release: str, base_url: str, model: str) -> None:
    coach = Coach.from_release(release)
    advised = RunnableLambda(lambda messages: coach.apply(convert_to_openai_messages(messages)))
    chain = advised | ChatOpenAI(base_url=base_url, api_key="not-needed", model=model)
    messages = [SystemMessage("You answer passengers of an airline.")]
    for customer in ("My suitcase did not arrive.", "It is a blue suitcase, and it did not arrive!"):
        messages.append(HumanMessage(customer))
        messages.append(chain.invoke(messages))
        print(messages[-1].content)


if __name__ == "__main__":
    main(*sys.argv[1:])
