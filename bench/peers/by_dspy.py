"""DSPy's GEPA and MIPROv2 over dialogues, run in a venv of their own: they know the world by its URL only.

``python by_dspy.py gepa|mipro URL SEED OUT`` writes the best text to OUT: the instruction, and the examples where
the optimiser chose some. The program is one predictor that is asked for every reply of a dialogue, with the very
messages that the student gets from every other method.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
import dspy
from gepa.strategies.instruction_proposal import InstructionProposalSignature

from bench.peers.asking import CALLS_A_DIALOGUE, FIRST, VALIDATION, get, left, points_of, post

THREADS = 8
CANDIDATES = 6
MINIBATCH = 8
FULL_EVERY = 5
"""MIPROv2: candidates of each kind, dialogues a trial, trials between full validations."""
GOOD = 0.8
"""MIPROv2: share of full satisfaction from which a dialogue may become an example."""


class Reply(dspy.Signature):
    __doc__ = FIRST

    conversation: str = dspy.InputField()
    reply: str = dspy.OutputField()


class Messages(dspy.Adapter):
    """The conversation as chat messages, with instruction and examples in the student's guidance block."""

    def __init__(self, url):
        super().__init__()
        self.frame = get(f"{url}/frame")

    def format(self, signature, demos, inputs):
        text = text_of(signature.instructions, demos)
        block = self.frame["guidance"].replace("{{ text }}", text)
        messages = [{"role": "system", "content": f"{self.frame['system']}\n\n{block}"}]
        for line in inputs["conversation"].splitlines():
            who, _, said = line.partition(": ")
            messages.append({"role": "assistant" if who == "Agent" else "user", "content": said})
        return messages

    def parse(self, signature, completion):
        del signature
        return {"reply": " ".join(completion.split())}


class Lenient(dspy.ChatAdapter):
    """DSPy's own adapter for proposals, in one message; an answer without its marks is the last field's.

    The practice teacher writes prose and heeds what the last message asks; a real model would not need this.
    """

    def __call__(self, lm, lm_kwargs, signature, demos, inputs):
        text = "\n\n".join(m["content"] for m in self.format(signature, demos, inputs))
        answers = lm(messages=[{"role": "user", "content": text}], **lm_kwargs)
        return [self.read(signature, a if isinstance(a, str) else a["text"]) for a in answers]

    def read(self, signature, text):
        *others, last = signature.output_fields
        if f"[[ ## {last} ## ]]" in text:
            return self.parse(signature, text)
        return {**dict.fromkeys(others, ""), last: text}


def text_of(instruction, demos):
    shown = [f"{d['conversation']}\nAgent: {d['reply']}" for d in demos]
    return "\n\n".join([instruction, "Examples of good replies:", *shown]) if shown else instruction


class Desk(dspy.Module):
    """One dialogue: the customer over HTTP, each reply by the predictor, then the rating."""

    def __init__(self, url, adapter):
        super().__init__()
        self.reply = dspy.Predict(Reply)
        self.url, self.adapter = url, adapter

    def forward(self, profile, seed):
        if left(self.url) < (THREADS + 1) * CALLS_A_DIALOGUE:
            return dspy.Prediction(satisfaction=0, reason="not played", dialogue="")
        turns = []
        for number in range(self.adapter.frame["max_turns"] + 1):
            said = post(f"{self.url}/customer-says", {"profile": profile, "seed": seed, "turns": turns})
            if said["text"]:
                turns.append({"speaker": "customer", "text": " ".join(said["text"].split())})
            if said["ended"] or number == self.adapter.frame["max_turns"]:
                break
            with dspy.context(adapter=self.adapter):
                found = self.reply(conversation=told(turns), config={"seed": (seed + number) % 2**31})
            turns.append({"speaker": "agent", "text": found.reply})
        rated = post(f"{self.url}/rate", {"profile": profile, "seed": seed, "turns": turns})
        return dspy.Prediction(satisfaction=rated["satisfaction"], reason=rated["reason"], dialogue=told(turns))

    def __deepcopy__(self, memo):
        made = Desk(self.url, self.adapter)
        made.reply = self.reply.deepcopy()
        return made


def told(turns):
    return "\n".join(f"{t['speaker'].capitalize()}: {t['text']}" for t in turns)


def score(gold, pred, trace=None):  # noqa: ARG001 - as MIPROv2 calls it
    return pred.satisfaction / 5


def with_feedback(gold, pred, trace=None, pred_name=None, pred_trace=None):  # noqa: ARG001 - as GEPA calls it
    feedback = f"Satisfaction {pred.satisfaction} of 5. {pred.reason}\nThe whole dialogue:\n\n{pred.dialogue}"
    return dspy.Prediction(score=pred.satisfaction / 5, feedback=feedback)


def proposals(teacher):
    """Proposals with the prompt of the gepa package, in which dialogues stand as they were, not as JSON."""

    def propose(candidate, reflective_dataset, components_to_update):
        found = {}
        for name in components_to_update:
            seen = {"current_instruction_doc": candidate[name], "dataset_with_feedback": reflective_dataset[name]}
            prompt = InstructionProposalSignature.prompt_renderer({**seen, "prompt_template": None})
            answer = teacher(messages=[{"role": "user", "content": prompt}])[0]
            text = answer if isinstance(answer, str) else answer["text"]
            found[name] = InstructionProposalSignature.output_extractor(text)["new_instruction"]
        return found

    return propose


def by_gepa(program, points, teacher, dialogues, seed):
    optimiser = dspy.GEPA(
        metric=with_feedback,
        max_metric_calls=dialogues - VALIDATION - 8,
        reflection_minibatch_size=4,
        reflection_lm=teacher,
        instruction_proposer=proposals(teacher),
        num_threads=THREADS,
        seed=seed,
    )
    return optimiser.compile(program, trainset=points[VALIDATION:], valset=points[:VALIDATION])


def by_mipro(program, points, teacher, dialogues, seed):
    optimiser = dspy.MIPROv2(
        metric=score,
        prompt_model=teacher,
        task_model=dspy.settings.lm,
        teacher_settings={"lm": teacher},
        max_bootstrapped_demos=2,
        max_labeled_demos=0,
        auto=None,
        num_candidates=CANDIDATES,
        num_threads=THREADS,
        metric_threshold=GOOD,
        seed=seed,
    )
    # Bootstrapping takes about two dialogues a candidate; the first and last validations are full ones.
    rest = dialogues - 3 * CANDIDATES - 2 * VALIDATION - THREADS
    return optimiser.compile(
        program,
        trainset=points[VALIDATION:],
        valset=points[:VALIDATION],
        num_trials=max(2, int(rest / (MINIBATCH + VALIDATION / FULL_EVERY))),
        minibatch_size=MINIBATCH,
        minibatch_full_eval_steps=FULL_EVERY,
        program_aware_proposer=False,
    )


def main():
    name, url, seed, out = sys.argv[1:]
    asking = {"api_key": "none", "cache": False, "num_retries": 0}
    student = dspy.LM("openai/student-small", api_base=f"{url}/student/v1", **asking)
    teacher = dspy.LM("openai/teacher", api_base=f"{url}/teacher/v1", seed=int(seed), **asking)
    dspy.configure(lm=student, adapter=Lenient())
    points = [dspy.Example(**p).with_inputs("profile", "seed") for p in points_of(url, int(seed))]
    program = Desk(url, Messages(url))
    method = {"gepa": by_gepa, "mipro": by_mipro}[name]
    best = method(program, points, teacher, left(url) // CALLS_A_DIALOGUE, int(seed))
    Path(out).write_text(text_of(best.reply.signature.instructions, best.reply.demos), encoding="utf-8")


if __name__ == "__main__":
    main()
