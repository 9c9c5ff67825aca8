"""A byte-level BPE vocabulary, trained in a moment on a few words: the tokenizer of the tests' model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
_PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))

Pair = tuple[str, str]


def _byte_symbols() -> list[str]:
    """The printable character that stands for each byte, as GPT-2 chose them: the engine expects these."""
    unprintable = [byte for byte in range(256) if byte not in _PRINTABLE]
    symbols = {byte: chr(byte) for byte in _PRINTABLE}
    symbols.update({byte: chr(256 + rank) for rank, byte in enumerate(unprintable)})
    return [symbols[byte] for byte in range(256)]


_SYMBOLS = _byte_symbols()


def _spell(word: str) -> list[str]:
    return [_SYMBOLS[byte] for byte in word.encode()]


def _merge(symbols: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    position = 0
    while position < len(symbols):
        if tuple(symbols[position : position + 2]) == pair:
            merged.append(pair[0] + pair[1])
            position += 2
        else:
            merged.append(symbols[position])
            position += 1
    return merged


@dataclass
class BytePairVocabulary:
    """Tokens and the merges that make them, in training order."""

    tokens: list[str]
    merges: list[Pair]
    _ids: dict[str, int] = field(init=False, repr=False)
    _ranks: dict[Pair, int] = field(init=False, repr=False)
    _words: dict[str, list[int]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}

    @classmethod
    def train(cls, texts: Iterable[str], *, merge_limit: int) -> BytePairVocabulary:
        """Learns up to merge_limit merges, the most frequent pair first; stops when every word is one token."""
        counts = Counter(word for text in texts for word in _WORD.findall(text))
        spellings = {word: _spell(word) for word in counts}
        merges: list[Pair] = []
        while len(merges) < merge_limit:
            pairs: Counter[Pair] = Counter()
            for word, symbols in spellings.items():
                for pair in pairwise(symbols):
                    pairs[pair] += counts[word]
            if not pairs:
                break
            best = max(pairs, key=lambda pair: (pairs[pair], pair))
            merges.append(best)
            spellings = {word: _merge(symbols, best) for word, symbols in spellings.items()}
        tokens = list(dict.fromkeys([*_SYMBOLS, *(left + right for left, right in merges)]))
        return cls(tokens=tokens, merges=merges)

    def encode(self, text: str) -> list[int]:
        return [token for word in _WORD.findall(text) for token in self._encode_word(word)]

    def _encode_word(self, word: str) -> list[int]:
        known = self._words.get(word)
        if known is None:
            symbols = _spell(word)
            while pair := min(
                pairwise(symbols),
                key=lambda pair: self._ranks.get(pair, len(self._ranks)),
                default=None,
            ):
                if pair not in self._ranks:
                    break
                symbols = _merge(symbols, pair)
            known = self._words[word] = [self._ids[symbol] for symbol in symbols]
        return known
