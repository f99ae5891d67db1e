"""gepa (``gepa.optimize``) over dialogues, run in a venv of its own: knows the world by its URL only.

``python by_gepa.py URL SEED OUT`` writes the best guide to OUT.
"""

from __future__ import annotations

import sys
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench.peers.asking import CALLS_A_DIALOGUE, FIRST, VALIDATION, left, points_of, post


class Dialogues:
    """gepa's adapter: a data point is a profile with a seed, a score is satisfaction over 5."""

    propose_new_texts = None

    def __init__(self, url: str) -> None:
        self.url = url

    def evaluate(self, batch, candidate, capture_traces=False):
        from gepa.core.adapter import EvaluationBatch  # noqa: PLC0415 - only this process has gepa

        def one(point):
            try:
                return post(f"{self.url}/play", {**point, "text": candidate["guide"]})
            except urllib.error.HTTPError:  # the budget is spent
                return {"satisfaction": 0.0, "reason": "not played", "turns": []}

        with ThreadPoolExecutor(8) as pool:
            played = list(pool.map(one, batch))
        return EvaluationBatch(
            outputs=played,
            scores=[p["satisfaction"] / 5 for p in played],
            trajectories=played if capture_traces else None,
        )

    def make_reflective_dataset(self, candidate, eval_batch, components_to_update):  # noqa: ARG002 - as gepa calls it
        def told(played):
            lines = [f"{t['speaker']}: {t['text']}" for t in played["turns"]]
            return {
                "Inputs": lines[0] if lines else "",
                "Generated Outputs": "\n".join(lines[1:]),
                "Feedback": f"Satisfaction {played['satisfaction']} of 5. {played['reason']}",
            }

        return {name: [told(p) for p in eval_batch.trajectories] for name in components_to_update}


def main() -> None:
    import gepa  # noqa: PLC0415 - only this process has it

    url, seed, out = sys.argv[1:]
    points = points_of(url, int(seed))
    asked = 0

    def reflect(prompt) -> str:
        nonlocal asked
        asked += 1
        messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        body = {"model": "teacher", "messages": messages, "seed": int(seed) * 1000 + asked}
        return post(f"{url}/teacher/v1/chat/completions", body)["choices"][0]["message"]["content"]

    def spent(state) -> bool:
        del state
        return left(url) < (VALIDATION + 8) * CALLS_A_DIALOGUE

    result = gepa.optimize(
        seed_candidate={"guide": FIRST},
        trainset=points[VALIDATION:],
        valset=points[:VALIDATION],
        adapter=Dialogues(url),
        reflection_lm=reflect,
        reflection_minibatch_size=4,
        stop_callbacks=spent,
        seed=int(seed),
    )
    Path(out).write_text(result.best_candidate["guide"], encoding="utf-8")


if __name__ == "__main__":
    main()
