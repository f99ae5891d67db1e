"""A LangGraph graph, coached: python examples/langgraph_agent.py RELEASE BASE_URL MODEL"""

import sys

from langchain_core.messages import SystemMessage, convert_to_openai_messages
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from preceptor import Coach


def main(release: str, base_url: str, model: str) -> None:
    coach = Coach.from_release(release)
    chat = ChatOpenAI(base_url=base_url, api_key="not-needed", model=model)
    system = SystemMessage("You answer passengers of an airline.")

    def agent(state: MessagesState) -> dict:
        # The advice goes to the model only: the graph's state keeps the customer's own words.
        shown = coach.apply(convert_to_openai_messages([system, *state["messages"]]))
        return {"messages": [chat.invoke(shown)]}

    graph = StateGraph(MessagesState).add_node("agent", agent).add_edge(START, "agent")
    app = graph.compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    for customer in ("My suitcase did not arrive.", "It is a blue suitcase, and it did not arrive!"):
        state = app.invoke({"messages": [("user", customer)]}, thread)
        print(state["messages"][-1].content)


if __name__ == "__main__":
    main(*sys.argv[1:])
