"""Writes a small llama model with random weights: ``python random_gguf.py FILE``. Needs ``gguf`` and numpy only."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

LAYERS, WIDTH, HEADS, INNER, CONTEXT = 2, 64, 4, 128, 8192


def main(path: str) -> None:
    """The whole file: a header, a vocabulary of bytes and letters, and tensors from a seeded generator."""
    gguf: Any = import_module("gguf")
    np: Any = import_module("numpy")
    rng = np.random.default_rng(1)
    words = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    words += ["▁", *"etaoinshrdlucmfwypvbgkjqxz", *(f"▁{c}" for c in "taoiswcb"), *'{}[]:,."']
    kind = gguf.TokenType
    kinds = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL] + [kind.BYTE] * 256
    kinds += [kind.NORMAL] * (len(words) - len(kinds))
    writer: Any = gguf.GGUFWriter(path, "llama")
    writer.add_name("random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(words)
    writer.add_token_scores([-float(n) for n in range(len(words))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)

    def tensor(name: str, *shape: int) -> None:
        scale = 1.0 if len(shape) == 1 else 0.3
        values = np.ones(shape) if len(shape) == 1 else rng.normal(0, scale, shape)
        writer.add_tensor(name, values.astype(np.float32))

    tensor("token_embd.weight", len(words), WIDTH)
    tensor("output.weight", len(words), WIDTH)
    tensor("output_norm.weight", WIDTH)
    for n in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{n}.{name}.weight", WIDTH, WIDTH)
        tensor(f"blk.{n}.attn_norm.weight", WIDTH)
        tensor(f"blk.{n}.ffn_norm.weight", WIDTH)
        tensor(f"blk.{n}.ffn_gate.weight", INNER, WIDTH)
        tensor(f"blk.{n}.ffn_up.weight", INNER, WIDTH)
        tensor(f"blk.{n}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
