"""Builds a tiny real llama model in a second, with nothing downloaded.

The vocabulary is trained on sentences of our own grammar. The weights are a rank-limited factorisation of the
corpus' log bigram probabilities: the model really says such sentences, and ends them. Attention and
feed-forward blocks hold random weights whose output projections are zero; they cost real compute and real KV
cache and do not touch the text. So ``layers`` and ``width`` choose how fast a node is, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np
from fakes.byte_pairs import BytePairVocabulary

from llmlb.sim.text import SentenceGrammar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_FORMAT = 1
"""Part of the cache key: raise it when the same recipe gives another file."""

_SPECIALS = ["<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>", "<|tool|>"]

_CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{{ part['text'] if part['text'] is defined else '' }}"
    "{% endfor %}{% endif %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

_EVERYDAY_TEXT = (
    "Hello! How can I help you today? Tell me a story. Write a function def main(args): return 0 if x == 1\n"
    "user system assistant question explain summarize translate python http json error 0 1 2 3 10 100 500 "
)


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """What a model file is made from; equal recipes give equal files.

    The default ("tiny") decodes thousands of tokens a second on one core; 12 layers of width 512 a few
    hundred. width: a multiple of heads.  context: tokens the model says it was trained for.
    """

    layers: int = 2
    width: int = 256
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 512
    context: int = 8192
    merges: int = 1500
    seed: int = 0

    @property
    def key(self) -> str:
        """Names this recipe's file: changes with anything that changes the file."""
        return hashlib.sha256(repr((_FORMAT, sorted(asdict(self).items()))).encode()).hexdigest()[:16]


def cached_model(recipe: ModelRecipe, directory: Path) -> Path:
    """The recipe's model file in directory, built there if it is missing. Safe when two processes race."""
    path = directory / f"tiny-{recipe.key}.gguf"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        build_model(unfinished, recipe)
        unfinished.replace(path)
    return path


def build_model(path: Path, recipe: ModelRecipe) -> None:
    """Writes the model file."""
    rng = random.Random(recipe.seed)
    documents = _corpus(rng)
    vocabulary = BytePairVocabulary.train([*documents[:2000], _EVERYDAY_TEXT * 40], merge_limit=recipe.merges)
    tokens = [*vocabulary.tokens, *_SPECIALS]
    tokens += [f"<|unused{index}|>" for index in range(len(tokens), -(-len(tokens) // 64) * 64)]
    embedding, output, scale = _factors(_bigrams(documents, vocabulary, tokens), recipe.width)
    writer = gguf.GGUFWriter(path, "llama")
    _write_header(writer, recipe, tokens, merges=vocabulary.merges)
    _write_weights(writer, recipe, embedding, output=output, norm=scale)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _corpus(rng: random.Random) -> list[str]:
    grammar = SentenceGrammar(rng)
    return [" ".join(grammar.sentence() for _ in range(rng.randint(2, 12))) for _ in range(6000)]


def _bigrams(documents: list[str], vocabulary: BytePairVocabulary, tokens: list[str]) -> Matrix:
    """Row i: the log probability of each token after token i, centred, because softmax ignores the offset."""
    counts = np.zeros((len(tokens), len(tokens)))
    opening, ending = tokens.index("<|assistant|>"), tokens.index("<|eos|>")
    for document in documents:
        chain = [opening, *vocabulary.encode(document), ending]
        np.add.at(counts, (chain[:-1], chain[1:]), 1)
    frequency = counts.sum(axis=0)
    counts[counts.sum(axis=1) == 0] = counts[opening]
    smoothing = 1e-3 * frequency / frequency.sum() + 1e-7
    odds = (counts + smoothing) / (counts.sum(axis=1, keepdims=True) + smoothing.sum())
    logits = np.maximum(np.log(odds), -14.0)
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))


def _factors(logits: Matrix, width: int) -> tuple[Matrix, Matrix, float]:
    """Embedding and output matrices whose product approximates the logits, and the final norm's weight.

    One dimension is kept to give every embedding the same length; so the final RMSNorm is a division by a
    constant, and its weight undoes it exactly.
    """
    left, strength, right = np.linalg.svd(logits, full_matrices=False)
    rank = min(width - 1, len(logits))
    root = np.sqrt(strength[:rank])
    embedding = np.zeros((len(logits), width))
    output = np.zeros((len(logits), width))
    embedding[:, :rank] = left[:, :rank] * root
    output[:, :rank] = right[:rank].T * root
    squares = (embedding**2).sum(axis=1)
    length = float(np.sqrt(squares).max()) * 1.01
    embedding[:, width - 1] = np.sqrt(length**2 - squares)
    return embedding, output, length / float(np.sqrt(width))


def _write_header(
    writer: gguf.GGUFWriter, recipe: ModelRecipe, tokens: list[str], *, merges: list[tuple[str, str]]
) -> None:
    writer.add_name("llmlb-tiny")
    writer.add_license("CC0-1.0")
    writer.add_context_length(recipe.context)
    writer.add_embedding_length(recipe.width)
    writer.add_block_count(recipe.layers)
    writer.add_feed_forward_length(recipe.feed_forward)
    writer.add_head_count(recipe.heads)
    writer.add_head_count_kv(recipe.kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(recipe.width // recipe.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([_token_type(token) for token in tokens])
    writer.add_token_merges([f"{left} {right}" for left, right in merges])
    writer.add_bos_token_id(tokens.index("<|bos|>"))
    writer.add_eos_token_id(tokens.index("<|eos|>"))
    writer.add_eot_token_id(tokens.index("<|end|>"))
    writer.add_pad_token_id(tokens.index("<|pad|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(_CHAT_TEMPLATE)


def _token_type(token: str) -> gguf.TokenType:
    if token in _SPECIALS:
        return gguf.TokenType.CONTROL
    return gguf.TokenType.UNUSED if token.startswith("<|unused") else gguf.TokenType.NORMAL


def _write_weights(
    writer: gguf.GGUFWriter, recipe: ModelRecipe, embedding: Matrix, *, output: Matrix, norm: float
) -> None:
    rng = np.random.default_rng(recipe.seed)
    width, kv_width = recipe.width, recipe.kv_heads * (recipe.width // recipe.heads)

    def random_matrix(rows: int, columns: int) -> NDArray[np.float16]:
        matrix = rng.standard_normal((rows, columns)) * 0.5 / np.sqrt(columns)
        return np.asarray(matrix, np.float16)

    def silent_matrix(rows: int, columns: int) -> NDArray[np.float16]:
        return np.zeros((rows, columns), np.float16)

    writer.add_tensor("token_embd.weight", embedding.astype(np.float16))
    for layer in range(recipe.layers):
        block = f"blk.{layer}"
        writer.add_tensor(f"{block}.attn_norm.weight", np.ones(width, np.float32))
        writer.add_tensor(f"{block}.ffn_norm.weight", np.ones(width, np.float32))
        writer.add_tensor(f"{block}.attn_q.weight", random_matrix(width, width))
        writer.add_tensor(f"{block}.attn_k.weight", random_matrix(kv_width, width))
        writer.add_tensor(f"{block}.attn_v.weight", random_matrix(kv_width, width))
        writer.add_tensor(f"{block}.attn_output.weight", silent_matrix(width, width))
        writer.add_tensor(f"{block}.ffn_gate.weight", random_matrix(recipe.feed_forward, width))
        writer.add_tensor(f"{block}.ffn_up.weight", random_matrix(recipe.feed_forward, width))
        writer.add_tensor(f"{block}.ffn_down.weight", silent_matrix(width, recipe.feed_forward))
    writer.add_tensor("output_norm.weight", np.full(width, norm, np.float32))
    writer.add_tensor("output.weight", output.astype(np.float16))
