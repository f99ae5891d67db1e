"""Two seats make a dialogue: a customer and whoever speaks as the agent."""

from preceptor.dialogue.agent import Agent, Coaching, no_coaching
from preceptor.dialogue.customer import Customer
from preceptor.dialogue.play import Speak, play

__all__ = ["Agent", "Coaching", "Customer", "Speak", "no_coaching", "play"]
