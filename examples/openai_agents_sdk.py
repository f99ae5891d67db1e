"""The OpenAI Agents SDK, coached: python examples/openai_agents_sdk.py RELEASE BASE_URL MODEL"""

import sys

from agents import Agent, OpenAIChatCompletionsModel, RunConfig, Runner, set_tracing_disabled
from agents.run import CallModelData, ModelInputData
from openai import AsyncOpenAI

from preceptor import Coach


def main(release: str, base_url: str, model: str) -> None:
    set_tracing_disabled(True)  # traces would go to OpenAI
    coach = Coach.from_release(release)

    def advised(data: CallModelData[None]) -> ModelInputData:
        # Only what the model is sent changes; the run's own items stay as they are.
        return ModelInputData(input=coach.apply(data.model_data.input), instructions=data.model_data.instructions)

    client = AsyncOpenAI(base_url=base_url, api_key="not-needed")
    agent = Agent(
        name="Airline",
        instructions="You answer passengers of an airline.",
        model=OpenAIChatCompletionsModel(model=model, openai_client=client),
    )
    items = []
    for customer in ("My suitcase did not arrive.", "It is a blue suitcase, and it did not arrive!"):
        items.append({"role": "user", "content": customer})
        result = Runner.run_sync(agent, items, run_config=RunConfig(call_model_input_filter=advised))
        items = result.to_input_list()
        print(result.final_output)


if __name__ == "__main__":
    main(*sys.argv[1:])
