"""A pydantic-ai agent, coached: python examples/pydantic_ai_agent.py RELEASE BASE_URL MODEL"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic_ai import Agent, RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage, ModelRequest, TextPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from preceptor import Coach


@dataclass
class Coaching(AbstractCapability[None]):
    """Adds advice to what the model sees; the history that the agent keeps has none."""

    coach: Coach

    async def before_model_request(
        self,
        ctx: RunContext[None],  # noqa: ARG002
        request_context: ModelRequestContext,
    ) -> ModelRequestContext:
        advice = self.coach.advise(list(conversation(request_context.messages)))
        if not advice.text:
            return request_context
        return replace(request_context, messages=with_text(request_context.messages, advice.text))


def conversation(messages: list[ModelMessage]) -> Iterator[dict]:
    """The messages in OpenAI's form, as the coach reads them."""
    for message in messages:
        for part in message.parts:
            if isinstance(part, UserPromptPart) and isinstance(part.content, str):
                yield {"role": "user", "content": part.content}
            elif isinstance(part, TextPart):
                yield {"role": "assistant", "content": part.content}
            elif isinstance(part, ToolReturnPart):
                yield {"role": "tool", "name": part.tool_name, "content": part.model_response_str()}


def with_text(messages: list[ModelMessage], text: str) -> list[ModelMessage]:
    """Copies with ``text`` at the end of the last user prompt."""
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if isinstance(message, ModelRequest) and any(isinstance(p, UserPromptPart) for p in message.parts):
            parts = [
                replace(p, content=f"{p.content}\n\n{text}".strip()) if isinstance(p, UserPromptPart) else p
                for p in message.parts
            ]
            return [*messages[:at], replace(message, parts=parts), *messages[at + 1 :]]
    return messages


def main(release: str, base_url: str, model: str) -> None:
    chat = OpenAIChatModel(model, provider=OpenAIProvider(base_url=base_url, api_key="not-needed"))
    coaching = Coaching(Coach.from_release(release))
    agent = Agent(chat, instructions="You answer passengers of an airline.", capabilities=[coaching])
    history: list[ModelMessage] = []
    for customer in ("My suitcase did not arrive.", "It is a blue suitcase, and it did not arrive!"):
        result = agent.run_sync(customer, message_history=history)
        history = result.all_messages()
        print(result.output)


if __name__ == "__main__":
    main(*sys.argv[1:])
